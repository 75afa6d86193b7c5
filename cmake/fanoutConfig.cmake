# What find_package(fanout) reads: defines the target fanout::fanout.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/fanoutTargets.cmake)

# Workers on other machines need OpenSSL, and nothing else does: fanout::tcp is there if OpenSSL is.
find_package(OpenSSL 1.1.1 QUIET)
if(OPENSSL_FOUND AND NOT TARGET fanout::tcp)
    add_library(fanout::tcp INTERFACE IMPORTED)
    set_target_properties(fanout::tcp PROPERTIES INTERFACE_LINK_LIBRARIES "fanout::fanout;OpenSSL::SSL")
endif()
