#!/usr/bin/env bash
# exports.sh LIBRARY.so LIBRARY.a: the shared library exports what lanewise.h declares and nothing else, and has its soname;
# the static one defines no global symbol outside lw_, and neither has constructors.
set -euo pipefail

header=$(dirname "${BASH_SOURCE[0]}")/../include/lanewise.h
exported=$(nm -D --defined-only "$1" | awk '{ print $3 }' | sort)
declared=$(grep -oE '^LW_API [^(]*\(' "$header" | grep -oE 'lw_[a-z0-9_]+\(' | tr -d '(' | sort)
if ! diff <(echo "$declared") <(echo "$exported"); then
    echo "above: < declared in lanewise.h, > exported by $1"
    exit 1
fi
readelf -d "$1" | grep -q 'SONAME.*\[liblanewise\.so\.0\]'
foreign=$(nm -g --defined-only "$2" | awk 'NF == 3 && $3 !~ /^lw_/ { print $3 }')
if [ -n "$foreign" ]; then
    echo "$2 defines: $foreign"
    exit 1
fi
# Nothing runs when the library is loaded.
constructors=$(objdump -h "$2" | grep -cE '\.(init_array|ctors|preinit_array)' || true)
if [ "$constructors" != 0 ]; then
    echo "$2 has constructors"
    exit 1
fi
echo "$(echo "$exported" | wc -l) functions exported"
