#!/usr/bin/env bash
# `./dev test [--quick]`: one stage after another, each with its log in build-test/logs; a summary, and the number of tests.
# --quick: the native suites alone. LANEWISE_STAGES="native asan" runs just those.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }
die() {
    say "dev: $*"
    exit 2
}
# shellcheck source=scripts/packages.sh
. scripts/packages.sh
# shellcheck source=scripts/mnist.sh
. scripts/mnist.sh
# shellcheck source=scripts/stages.sh
. scripts/stages.sh

stages="format native gcc avx512 neon asan tsan"
case ${1:-} in
"") ;;
--quick) stages="format native" ;;
*) die "test: unknown argument '$1'" ;;
esac
stages=${LANEWISE_STAGES:-$stages}

[ -r /proc/cpuinfo ] || die "/proc isn't mounted: the CPU can't be known, and Criterion needs it too"
set_up_test
find_mnist
export CTEST_OUTPUT_ON_FAILURE=1

OUT=$PWD/build-test
LOGS=$OUT/logs
mkdir -p "$LOGS"
rm -f "$LOGS"/*
passed=0 failed=0 skipped=0 bad_stages=0
summary=()

FAILURE='^\[----\] *[^ ]|^\[FAIL\]|^FAILED: |\((Failed|Timeout)\)|SEGFAULT|ERROR: [A-Z]|runtime error: |error: '
failures=()

# Which assertions failed, and what stopped a suite: the end of a log with many suites needn't have them.
show_failures() {
    say "-- the end of build-test/logs/$1.log:"
    tail -n 60 "$LOGS/$1.log" >&2
    failures+=("$(grep -E "$FAILURE" "$LOGS/$1.log" | cut -c1-400 | head -n 20 | sed "s/^/$1: /" || true)")
}

# Runs one stage. It returns 0, 1, or 77 with a reason in its .reason file; its tests are counted in its .counts file.
run_stage() {
    local name=$1 status=0 began=$SECONDS result reason="" p=0 f=0 s=0 a b c
    stage=$name
    say "== $name: ${STAGE_TITLE[$name]}"
    # A new shell, so that a failing command ends the stage: `set -e` is off inside `||`.
    set +e
    (
        set -e
        "stage_$name"
    ) >"$LOGS/$name.log" 2>&1
    status=$?
    set -e
    if [ -f "$LOGS/$name.counts" ]; then
        while read -r a b c; do
            p=$((p + a)) f=$((f + b)) s=$((s + c))
        done <"$LOGS/$name.counts"
    fi
    [ ! -f "$LOGS/$name.reason" ] || reason=$(paste -sd ';' "$LOGS/$name.reason")
    case $status in
    0) result=passed ;;
    77)
        result=skipped
        [ $s -gt 0 ] || s=1
        ;;
    *)
        result=FAILED
        bad_stages=$((bad_stages + 1))
        [ $f -gt 0 ] || f=1
        show_failures "$name"
        ;;
    esac
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    summary+=("$(printf '%-10s %-8s %4d passed %3d failed %3d skipped %5d s  %s' "$name" $result $p $f $s \
        $((SECONDS - began)) "${reason:-${STAGE_TITLE[$name]}}")")
}

for name in $stages; do
    [ -n "${STAGE_TITLE[$name]:-}" ] || die "no stage '$name'; there are: ${!STAGE_TITLE[*]}"
done
for name in $stages; do
    run_stage "$name"
done

echo
[ $bad_stages -eq 0 ] || printf '%s\n' "${failures[@]}" ''
printf '%s\n' "${summary[@]}"
echo "$SECONDS s in all"
echo "$passed passed, $failed failed, $skipped skipped"
[ $bad_stages -eq 0 ] && [ $failed -eq 0 ]
