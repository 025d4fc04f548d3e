#!/bin/sh
# The command on CPUs that this machine isn't: a Nehalem has scalar alone, a Haswell AVX2 but no AVX-512.
# usage: test_cpu_emulated.sh BINARY      exit 0: as it must be; 1: not; 77: no emulator here
binary=$1
qemu=$(command -v qemu-x86_64-static || command -v qemu-x86_64) || { echo "skipped: no qemu-x86_64"; exit 77; }
failed=0

# check CPU ISA true|false
check() {
    got=$("$qemu" -cpu "$1" "$binary" list --json 2>/dev/null |
        tr -d ' \n\t' | tr '{' '\n' | grep "\"isa\":\"$2\"" | grep -o '"usable":[a-z]*' | sort -u)
    if [ "$got" = "\"usable\":$3" ]; then
        echo "ok: $1: every $2 kernel is usable: $3"
    else
        echo "FAILED: $1: $2 kernels should all be usable: $3, but: $got"
        failed=1
    fi
}

# run CPU EXPECTED-EXIT ARGUMENTS...
run() {
    cpu=$1 expected=$2
    shift 2
    "$qemu" -cpu "$cpu" "$binary" "$@" >/dev/null 2>&1
    got=$?
    if [ $got -eq "$expected" ]; then
        echo "ok: $cpu: $* exits $got"
    else
        echo "FAILED: $cpu: $* exits $got, not $expected"
        failed=1
    fi
}

check Nehalem scalar true
check Nehalem avx2 false
check Nehalem avx512 false
# qemu knows AVX2 since 7.2.
version=$("$qemu" --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
old=$(echo "$version" | awk -F. '{ print $1 * 100 + $2 < 702 }')
if [ "$old" = 1 ]; then
    echo "skipped: qemu $version can't be a Haswell"
else
    check Haswell scalar true
    check Haswell avx2 true
    check Haswell avx512 false
fi
# Detection is one thing, being right about it another: the kernels run there. The forced that can't run is an error.
problem=mb1_ic5ih9oc17oh9kh3ph1
run Nehalem 0 check --op conv $problem
# (qemu reads masked lanes too, which a guard page doesn't forgive: whole vectors there.)
[ "$old" = 1 ] || run Haswell 0 check --op conv --kernel 'conv_direct*' mb1_ic16ih8oc16oh8kh3ph1
run Nehalem 3 explain --isa avx2 $problem
[ "$old" = 1 ] || run Haswell 3 explain --isa avx512 $problem
exit $failed
