#!/usr/bin/env bash
# run.sh BUILD CC CXX: installs BUILD into a fresh folder, then builds and runs the consumer project against it through
# CMake's package and pkg-config, shared and static, in C and C++; and the API example of the README.
set -euo pipefail

build=$1 CC=$2 CXX=$3
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >"$work/log"
test -f "$work/prefix/include/lanewise.h"
test -x "$work/prefix/bin/lanewise"
# Moved after the install: nothing in it may hold an absolute path.
mv "$work/prefix" "$work/moved"
libdir=$(dirname "$(find "$work/moved" -name liblanewise.a)")
export LD_LIBRARY_PATH=$libdir

echo "CMake package"
cmake -S "$source" -B "$work/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_CXX_COMPILER="$CXX" >>"$work/log"
cmake --build "$work/cmake" >>"$work/log"
for program in c_lanewise c_lanewise_static cxx_lanewise cxx_lanewise_static; do
    "$work/cmake/$program"
done

echo "pkg-config"
export PKG_CONFIG_PATH=$libdir/pkgconfig
read -ra cflags <<<"$(pkg-config --cflags lanewise)"
read -ra shared <<<"$(pkg-config --libs lanewise)"
read -ra static <<<"$(pkg-config --static --libs lanewise)"
pick_static=("${static[@]/#-llanewise/-l:liblanewise.a}")
"$CC" -std=c11 -Wall -Wextra -Werror "${cflags[@]}" "$source/consumer.c" "${shared[@]}" -o "$work/shared"
"$CC" -std=c11 -Wall -Wextra -Werror "${cflags[@]}" "$source/consumer.c" "${pick_static[@]}" -o "$work/static"
"$CXX" -std=c++11 -Wall -Wextra -Werror "${cflags[@]}" "$source/consumer.cc" "${pick_static[@]}" -o "$work/static_cxx"
ldd "$work/shared" | grep liblanewise.so.0 >/dev/null # -q would stop reading, and ldd fail
if ldd "$work/static" | grep liblanewise >/dev/null; then
    echo "the static program needs the shared library"
    exit 1
fi
for program in shared static static_cxx; do
    "$work/$program"
done

echo "the README's example"
awk '/^```c$/ { code = 1; next } /^```$/ { code = 0 } code' "$source/../../README.md" >"$work/example.c"
test -s "$work/example.c"
"$CC" -std=c11 -Wall -Wextra -Werror "${cflags[@]}" "$work/example.c" "${shared[@]}" -o "$work/example"
"$work/example"

echo "the installed command"
(cd / && "$work/moved/bin/lanewise" list >/dev/null && "$work/moved/bin/lanewise" mnist --json >/dev/null)
