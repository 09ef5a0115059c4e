# SPDX-License-Identifier: MIT
# What `cmake --install` puts where: headers, both libraries, weft.pc, the CMake package, the command, and what the manual
# pages (installed by man/) refer to. Nothing in it knows the prefix, so a tree installed with --prefix or moved later
# still works.
include(CMakePackageConfigHelpers)

install(TARGETS weft weft_static EXPORT weft)
install(DIRECTORY include/weft TYPE INCLUDE)
if(WEFT_BUILD_TOOLS)
    install(TARGETS weft_command)
endif()
install(DIRECTORY docs examples TYPE DOC PATTERN CMakeLists.txt EXCLUDE)
install(FILES README.md LICENSE TYPE DOC)
install(FILES scripts/weft-gdb.py DESTINATION ${CMAKE_INSTALL_DATADIR}/weft)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
install(EXPORT weft NAMESPACE weft:: FILE weft-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/weft-config.cmake.in weft-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(weft-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weft-config.cmake ${PROJECT_BINARY_DIR}/weft-config-version.cmake
        DESTINATION ${package_dir})

file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/weft.pc.in weft.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/weft.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
