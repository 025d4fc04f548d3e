#!/usr/bin/env bash
# planted_faults.sh [--only TEXT] [--suite NAME]... [native] [avx512] [neon]: plants the faults of tests/planted_faults.txt
# one at a time in a copy of the tree, builds it and runs the suites that walk the rows, the fastest first, until one
# fails. Prints a table of what caught what. Exit 1 if a fault survives or can't be planted. A fault takes some seconds, an
# emulated one a minute, so this isn't part of `./dev test`, which has set up what it needs. Works in build-faults/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all_suites=(test_vec test_winograd test_bounds test_special test_guard test_rows test_reproducible)
work=$PWD/build-faults tree=$PWD/build-faults/tree
only="" builds=() suites=()
while [ $# -gt 0 ]; do
    case $1 in
    --only)
        only=${2:?--only takes a text}
        shift
        ;;
    --suite)
        suites+=("${2:?--suite takes a name}")
        shift
        ;;
    native | avx512 | neon) builds+=("$1") ;;
    *)
        echo "planted_faults.sh: unknown argument '$1'" >&2
        exit 2
        ;;
    esac
    shift
done
[ ${#builds[@]} -gt 0 ] || builds=(native avx512 neon)
[ ${#suites[@]} -gt 0 ] || suites=("${all_suites[@]}")

# -O0: the faults are the same and the kernels compile in a fraction of the time. (NEON needs the constants of unrolled
# loops.)
configure() {
    local arguments=(-DCMAKE_BUILD_TYPE=Debug "-DCMAKE_C_FLAGS_DEBUG=-O0" -DLANEWISE_TOOLS=OFF)
    case $1 in
    native) arguments+=("-DLANEWISE_ISAS=avx2") ;;
    avx512) arguments+=(-DLANEWISE_EMULATE_AVX512=ON "-DLANEWISE_ISAS=avx512") ;;
    neon)
        bash scripts/sysroot-aarch64.sh "${LANEWISE_AARCH64_ROOT:=$work/sysroot-aarch64}"
        arguments+=("-DCMAKE_C_FLAGS_DEBUG=-O1" -DLANEWISE_PLAIN_RUNNER=ON "-DLANEWISE_AARCH64_ROOT=$LANEWISE_AARCH64_ROOT"
            "-DCMAKE_TOOLCHAIN_FILE=$PWD/cmake/toolchain-aarch64.cmake")
        ;;
    esac
    cmake -S "$tree" -B "$work/$1" -G Ninja "${arguments[@]}" >"$work/configure.log" 2>&1 || {
        cat "$work/configure.log" >&2
        exit 2
    }
}

build() { cmake --build "$work/$1" --target "$2" >"$work/build.log" 2>&1; }

# The tests of a log that failed, in any of the three ways that the runners tell it.
failed_tests() {
    sed -nE 's#^\[(FAIL|CRASH)\][^a-z]*([a-z_0-9]+)(::|/)([a-zA-Z_0-9]+).*#\2::\4#p' "$1" | sort -u | paste -sd ' '
}

# Builds and runs one suite after another. Prints what fails, or nothing.
caught_by() {
    local suite isa status isas=("$1") emulator=()
    [ "$1" != native ] || isas=(avx2 scalar)
    [ "$1" != neon ] || [ "$(uname -m)" = aarch64 ] || emulator=(qemu-aarch64-static)
    for suite in "${suites[@]}"; do
        if ! build "$1" "$suite"; then
            echo "DOESN'T COMPILE: $(grep -m 1 -o 'error: .*' "$work/build.log")"
            return
        fi
        for isa in "${isas[@]}"; do
            status=0
            LANEWISE_TEST_QUICK=1 LANEWISE_TEST_ISA=$isa LANEWISE_EXPECT_ISA=$isa timeout 1800 \
                "${emulator[@]}" "$work/$1/$suite" </dev/null >"$work/suite.log" 2>&1 || status=$?
            [ $status -ne 0 ] || continue
            [ $status -ne 124 ] || echo -n "TIMED OUT: "
            echo "$suite ($isa): $(failed_tests "$work/suite.log")"
            return
        done
    done
}

trim() { sed -E 's/^[[:space:]]+|[[:space:]]+$//g' <<<"$1"; }

# With the changes that aren't committed. What is the same already keeps its time, and isn't built again.
git ls-files -z | while IFS= read -r -d '' file; do
    cmp -s "$file" "$tree/$file" || install -D "$file" "$tree/$file"
done

survived=0 caught=0
for build in "${builds[@]}"; do
    grep -qE "^$build \|" tests/planted_faults.txt || continue
    configure "$build"
    by=$(caught_by "$build")
    [ -z "$by" ] || {
        echo "planted_faults.sh: $build fails without a fault: $by (build-faults/build.log, suite.log)" >&2
        exit 2
    }
    while IFS='|' read -r kind what file expression; do
        kind=$(trim "$kind") what=$(trim "$what") file=$(trim "$file") expression=$(trim "$expression")
        [ "$kind" = "$build" ] || continue
        [[ -z $only || $what == *"$only"* ]] || continue
        sed -E "$expression" "$file" >"$work/faulty"
        if cmp -s "$file" "$work/faulty"; then
            by="NOT PLANTED: the expression changes nothing in $file"
        else
            cp "$work/faulty" "$tree/$file"
            by=$(caught_by "$build")
            cp "$file" "$tree/$file"
        fi
        case ${by:=SURVIVED} in
        test_*) caught=$((caught + 1)) ;;
        *) survived=$((survived + 1)) ;;
        esac
        echo "| $what | $by |"
    done < <(grep -vE '^(#|$)' tests/planted_faults.txt)
done
echo "$caught caught, $survived not" >&2
[ $survived -eq 0 ]
