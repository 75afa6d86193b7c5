# Installs the headers, and the package that find_package(fanout) finds.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/fanout)  # share, not lib: nothing here depends on the architecture

install(TARGETS fanout EXPORT fanoutTargets FILE_SET HEADERS)
install(EXPORT fanoutTargets NAMESPACE fanout:: DESTINATION ${package_dir})

# Below 1.0 a new minor version may break its users.
write_basic_package_version_file(fanoutConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/fanoutConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/fanoutConfigVersion.cmake
        DESTINATION ${package_dir})

configure_file(${CMAKE_CURRENT_LIST_DIR}/fanout.pc.in fanout.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fanout.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
