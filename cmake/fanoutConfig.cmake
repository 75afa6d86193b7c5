# What find_package(fanout) reads: defines the target fanout::fanout.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/fanoutTargets.cmake)
