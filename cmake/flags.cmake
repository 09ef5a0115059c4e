# SPDX-License-Identifier: MIT
# Language, warnings and sanitizers, the same for everything built here. Options are set on this directory and so do
# not reach a project that contains Weft.

if(PROJECT_IS_TOP_LEVEL)
    if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
        if(WEFT_SANITIZE)
            set(CMAKE_BUILD_TYPE Debug) # with weft_assert
        else()
            set(CMAKE_BUILD_TYPE Release)
        endif()
    endif()
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_options($<$<CONFIG:Release>:-g>)

add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wvla
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wold-style-definition>)
if(WEFT_WERROR)
    set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
endif()

if(WEFT_SANITIZE MATCHES "^(address|fuzz)$")
    # With a count of 0 come null pointers, to which 0 is added: C++ allows it, C from C2y on (N3322), and compilers always have.
    set(sanitizers -fsanitize=address,undefined -fno-sanitize=pointer-overflow -fno-sanitize-recover=all)
    if(WEFT_SANITIZE STREQUAL "fuzz") # seen by libFuzzer; clang alone
        list(APPEND sanitizers -fsanitize=fuzzer-no-link)
    endif()
elseif(WEFT_SANITIZE STREQUAL "thread")
    set(sanitizers -fsanitize=thread)
elseif(WEFT_SANITIZE)
    message(FATAL_ERROR "WEFT_SANITIZE is '${WEFT_SANITIZE}'; it may be address, thread, fuzz, or empty")
endif()
if(WEFT_SANITIZE)
    # C++ is only tested here, never hot, and takes most of the time to compile.
    add_compile_options(${sanitizers} -fno-omit-frame-pointer $<IF:$<COMPILE_LANGUAGE:CXX>,-O0,-O1>)
    add_link_options(${sanitizers})
    if(WEFT_SANITIZE STREQUAL "address" AND CMAKE_C_COMPILER_ID STREQUAL "Clang")
        # As a library, which gcc's is: tests that wrap functions would wrap the sanitizer's own calls, too.
        execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libclang_rt.asan-${CMAKE_SYSTEM_PROCESSOR}.so
            OUTPUT_VARIABLE runtime OUTPUT_STRIP_TRAILING_WHITESPACE)
        cmake_path(GET runtime PARENT_PATH runtime)
        add_link_options(-shared-libasan -Wl,-rpath,${runtime})
    endif()
else()
    add_link_options(-Wl,-z,defs) # a library that leaves a symbol open fails to link here, not at its user
endif()
