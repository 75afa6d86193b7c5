"""Of the tree that it lies in: conan create cmake/packaging/conan [-o fanout/*:tcp=True]"""
import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy

required_conan_version = ">=2.0"


class Fanout(ConanFile):
    name = "fanout"
    version = "0.1.0"
    license = "MIT"
    description = "Run a loop in parallel and get the results in order: on threads, worker processes, or many machines"
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"tcp": [True, False]}
    default_options = {"tcp": False}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        if self.options.tcp:
            self.requires("openssl/[>=1.1.1 <4]")

    def package_id(self):
        self.info.clear()

    def generate(self):
        CMakeToolchain(self).generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "fanout")
        local = self.cpp_info.components["fanout"]
        local.set_property("cmake_target_name", "fanout::fanout")
        local.system_libs = ["pthread"]
        if self.options.tcp:
            tcp = self.cpp_info.components["tcp"]
            tcp.set_property("cmake_target_name", "fanout::tcp")
            tcp.requires = ["fanout", "openssl::ssl"]
