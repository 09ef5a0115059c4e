# SPDX-License-Identifier: MIT
# A toolchain for scripts/test-on: Debian's compilers for another processor, and qemu-user, which runs what they make. The
# compilers bring the C library; all other libraries stand in WEFT_SYSROOT, unpacked from that architecture's packages.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${WEFT_PROCESSOR})
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WEFT_PROCESSOR WEFT_SYSROOT)

set(triplet ${WEFT_PROCESSOR}-linux-gnu)
set(CMAKE_C_COMPILER ${triplet}-gcc)
set(CMAKE_CXX_COMPILER ${triplet}-g++)
set(libraries ${WEFT_SYSROOT}/usr/lib/${triplet})

set(ENV{PKG_CONFIG_LIBDIR} ${libraries}/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${WEFT_SYSROOT})
set(CMAKE_FIND_ROOT_PATH ${WEFT_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_C_STANDARD_INCLUDE_DIRECTORIES ${WEFT_SYSROOT}/usr/include/${triplet})
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${WEFT_SYSROOT}/usr/include/${triplet})
add_link_options(-Wl,-rpath-link,${libraries}) # what libraries need themselves

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${WEFT_PROCESSOR} -L /usr/${triplet} -E LD_LIBRARY_PATH=${libraries})
