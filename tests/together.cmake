# FANOUT_TESTS_TOGETHER: a dozen tests are compiled as one program, each in a namespace of its own; a tag says which of
# them is run. Most of what a compiler has to do for them is the same for all, so that this takes it a third of the time.
# Sets company_of_SOURCE to the program for those that can be in one; those of engines/ are built one by one.

# What has to be in another namespace than its own, or is a macro; and what changes the program that it is in.
set(alone "^ *(namespace (fanout|std) |template <>|extern \"C\"|#define|FANOUT_REGISTER|struct fanout::)")
string(APPEND alone "|run_instead_of_tests|operator new|cereal|fanout/environment.hpp")

foreach(source IN LISTS sources)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    cmake_path(GET source PARENT_PATH wing)
    file(STRINGS ${source} found REGEX "${alone}")
    if(found OR wing STREQUAL engines)
        continue()
    endif()
    list(LENGTH together_${wing} count)
    math(EXPR part "${count} / 12 + 1")
    set(program ${wing}_tests_${part})
    list(APPEND together_${wing} ${source})
    list(APPEND sources_of_${program} ${source})
    list(APPEND companies ${program})
    set(company_of_${source} ${program})
endforeach()
list(REMOVE_DUPLICATES companies)

foreach(program IN LISTS companies)
    set(headers)
    set(tests)
    foreach(source IN LISTS sources_of_${program})
        file(STRINGS ${source} lines REGEX "^#include")
        list(APPEND headers ${lines})
        cmake_path(GET source STEM name)
        string(APPEND tests "namespace of_${name} {\n#include \"${source}\"\n}\n")
    endforeach()
    list(REMOVE_DUPLICATES headers)
    list(JOIN headers "\n" headers)  # which come first, outside of all namespaces
    set(code ${CMAKE_CURRENT_BINARY_DIR}/${program}.cpp)
    file(CONFIGURE OUTPUT ${code} CONTENT "${headers}\n\n${tests}" @ONLY)
    string(REGEX REPLACE "_tests_.*" "" wing ${program})
    add_test_program(${program} ${wing} ${code})
endforeach()
