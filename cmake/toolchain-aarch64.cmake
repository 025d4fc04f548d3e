# Cross build for 64-bit Arm, run under qemu-user.
#
#   cmake -DCMAKE_TOOLCHAIN_FILE=cmake/toolchain-aarch64.cmake [-DLANEWISE_AARCH64_ROOT=FOLDER] [-DCMAKE_C_COMPILER=clang]
#
# LANEWISE_AARCH64_ROOT (or the environment variable of that name) is a folder of unpacked arm64 libraries, as
# scripts/sysroot-aarch64.sh makes it: binaries then carry the paths of their libraries and run as they are, `qemu-aarch64
# BINARY`. Without it the cross compiler's own C library is all there is.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

foreach(language C CXX)
  # Only clang reads these; its linking needs the cross gcc's start files.
  set(CMAKE_${language}_COMPILER_TARGET aarch64-linux-gnu)
  set(CMAKE_${language}_COMPILER_EXTERNAL_TOOLCHAIN /usr)
endforeach()
if(NOT CMAKE_C_COMPILER)
  set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
endif()

# Every try_compile() reads this file anew.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LANEWISE_AARCH64_ROOT)
if(NOT LANEWISE_AARCH64_ROOT)
  set(LANEWISE_AARCH64_ROOT "$ENV{LANEWISE_AARCH64_ROOT}")
endif()
set(LANEWISE_AARCH64_ROOT "${LANEWISE_AARCH64_ROOT}" CACHE PATH "folder of unpacked arm64 libraries")

if(LANEWISE_AARCH64_ROOT)
  get_filename_component(root "${LANEWISE_AARCH64_ROOT}" ABSOLUTE)
  set(CMAKE_SYSROOT ${root})
  set(CMAKE_FIND_ROOT_PATH ${root})
  set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--dynamic-linker=${root}/lib/ld-linux-aarch64.so.1 -Wl,--disable-new-dtags \
-Wl,-rpath,${root}/lib/aarch64-linux-gnu:${root}/usr/lib/aarch64-linux-gnu")
  set(ENV{PKG_CONFIG_SYSROOT_DIR} ${root})
  set(ENV{PKG_CONFIG_LIBDIR} ${root}/usr/lib/aarch64-linux-gnu/pkgconfig:${root}/usr/share/pkgconfig)
  set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
else()
  set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
  set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig)
  set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L /usr/aarch64-linux-gnu)
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
