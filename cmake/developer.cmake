# For who works on fanout itself: tests, examples and benchmarks, and how they are compiled. Users see none of this.
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(fanout_developer_flags INTERFACE)
target_compile_options(fanout_developer_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)

if(FANOUT_TESTS)
    enable_testing()
    add_subdirectory(tests)
endif()
if(FANOUT_EXAMPLES)
    add_subdirectory(examples)
endif()
if(FANOUT_BENCH)
    add_subdirectory(bench)
endif()
