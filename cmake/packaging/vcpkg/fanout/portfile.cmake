# An overlay port of the tree that it lies in: vcpkg install fanout[tcp] --overlay-ports=cmake/packaging/vcpkg
set(VCPKG_BUILD_TYPE release)  # header-only

cmake_path(ABSOLUTE_PATH CMAKE_CURRENT_LIST_DIR NORMALIZE OUTPUT_VARIABLE here)
cmake_path(GET here PARENT_PATH ports)
cmake_path(GET ports PARENT_PATH packaging)
cmake_path(GET packaging PARENT_PATH cmake_dir)
cmake_path(GET cmake_dir PARENT_PATH source)

vcpkg_cmake_configure(SOURCE_PATH ${source})
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/fanout)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug ${CURRENT_PACKAGES_DIR}/lib)
vcpkg_install_copyright(FILE_LIST ${source}/LICENSE)
