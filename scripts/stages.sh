# The stages of `./dev test`. Each runs in a shell of its own, in the source folder, with its output in a log.
# Sourced by test.sh.
# shellcheck shell=bash disable=SC2154,SC2034

declare -A STAGE_TITLE=(
    [format]="clang-format, no file of 600 lines"
    [native]="every suite, $(uname -m), the compiler of ./dev build, warnings are errors; install and consumer"
    [gcc]="every suite built by gcc, warnings are errors; quick corpus"
    [avx512]="AVX-512 rows, emulated on AVX2 through SIMDe where this CPU lacks them"
    [neon]="NEON rows: aarch64, under qemu where this isn't one"
    [asan]="every suite with AddressSanitizer and UndefinedBehaviorSanitizer; quick corpus"
    [tsan]="every suite with ThreadSanitizer; quick corpus"
)

reason() { echo "$*" >>"$LOGS/$stage.reason"; }
count() { echo "$1 $2 $3" >>"$LOGS/$stage.counts"; }
skip() {
    reason "$*"
    exit 77
}

# check WHAT COMMAND...: one test, counted.
check() {
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
        count 1 0 0
    else
        echo "FAILED: $what: $*"
        count 0 1 0
        return 1
    fi
}

# configure NAME [cmake arguments]: into build-test/NAME, again only when the arguments have changed.
configure() {
    local dir=$OUT/$1
    shift
    if [ "$(cat "$dir/arguments" 2>/dev/null)" != "$*" ]; then
        rm -rf "$dir"
        cmake -S . -B "$dir" -G Ninja "$@"
        printf '%s' "$*" >"$dir/arguments"
    fi
    cmake --build "$dir"
}

# suites NAME [ctest arguments]: runs ctest, then counts. A Criterion suite counts as many as it has tests, any other
# test as one.
suites() {
    local dir=$OUT/$1 status=0
    shift
    ctest --test-dir "$dir" "$@" | tee "$dir/ctest.txt" || status=$?
    count_tests "$dir/ctest.txt" "$dir/Testing/Temporary/LastTest.log" >>"$LOGS/$stage.counts"
    return $status
}

# ctest's own output says how each test ended; its log has what the suites printed.
count_tests() {
    awk '
        NR == FNR && /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
            sub(/^[^:]*: /, "")
            how[$1] = /Skipped|Not Run/ ? "skipped" : / Passed / ? "passed" : "failed"
        }
        NR == FNR { next }
        /^[0-9]+\/[0-9]+ Testing: / { name = $3; skips = 0 }
        /^\[SKIP\]/ { skips++ }
        /Synthesis: Tested: / {
            gsub(/[^0-9|]/, "")
            split($0, n, "|")
            good += n[2]; bad += n[1] - n[2]; left += skips; counted[name] = n[1] + skips
            if (how[name] == "failed" && n[1] == n[2]) bad++
        }
        END {
            for (name in how)
                if (!counted[name]) {
                    if (how[name] == "passed") good++
                    else if (how[name] == "failed") bad++
                    else left++
                }
            print good + 0, bad + 0, left + 0
        }
    ' "$1" "$2"
}

native_isas() {
    local isas=scalar
    case $(uname -m) in
    x86_64)
        ! grep -qw avx2 /proc/cpuinfo || isas+=,avx2
        ! grep -qw avx512vl /proc/cpuinfo || isas+=,avx512
        ;;
    aarch64) isas+=,neon ;;
    esac
    echo $isas
}

# ---- format ------------------------------------------------------------------------------------------------

no_long_file() {
    local long
    long=$(find . -path ./.git -prune -o -path './build*' -prune -o -type f \
        \( -name '*.[ch]' -o -name '*.cc' -o -name '*.inc' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt \
        -o -name '*.py' -o -name dev \) -print0 | xargs -0 wc -l | awk '$1 >= 600 && $2 != "total"')
    [ -z "$long" ] || {
        echo "600 lines or more:"
        echo "$long"
        return 1
    }
}

stage_format() {
    local ok=0
    check "no file of 600 lines or more" no_long_file || ok=1
    if [ -n "$(clang_format)" ]; then
        check "clang-format" format_sources --check || ok=1
    else
        reason "no clang-format $FORMAT_MAJOR here: layout not checked"
        count 0 0 1
    fi
    return $ok
}

# ---- native ------------------------------------------------------------------------------------------------

stage_native() {
    configure native -DCMAKE_BUILD_TYPE=Release -DLANEWISE_WERROR=ON -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX"
    LANEWISE_EXPECT_ISA=$(native_isas) suites native
}

stage_gcc() {
    local gcc=gcc gxx=g++
    case $CC in
    *gcc*)
        command -v clang >/dev/null || skip "./dev build uses gcc already, and there is no clang"
        gcc=clang gxx=clang++
        ;;
    esac
    configure gcc -DCMAKE_BUILD_TYPE=Release -DLANEWISE_WERROR=ON -DCMAKE_C_COMPILER=$gcc -DCMAKE_CXX_COMPILER=$gxx
    LANEWISE_TEST_QUICK=1 LANEWISE_EXPECT_ISA=$(native_isas) suites gcc -E '^page$'
}

# ---- AVX-512 -----------------------------------------------------------------------------------------------

stage_avx512() {
    [ "$(uname -m)" = x86_64 ] || skip "this CPU isn't x86-64"
    ! grep -qw avx512vl /proc/cpuinfo || skip "this CPU has AVX-512: the stages native and gcc ran its rows"
    grep -qw avx2 /proc/cpuinfo || skip "the emulation needs AVX2"
    configure avx512 -DCMAKE_BUILD_TYPE=Release -DLANEWISE_WERROR=ON -DLANEWISE_EMULATE_AVX512=ON \
        -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX"
    LANEWISE_EXPECT_ISA=avx512 suites avx512 -L avx512
}

# ---- NEON --------------------------------------------------------------------------------------------------

# A few problems of each operation: qemu is slow, and the suites have the rest.
neon_problems() {
    case $1 in
    conv) echo mb1_ic32ih14_oc64_kh3_ph1 mb2_ic17ih9iw13_oc19_kh3_sh2_ph1 mb1_ic1ih28_oc32_kh3_ph1 g24ic24ih11_oc24_kh5_ph2 ;;
    maxpool) echo mb1_ic32ih28_kh2_sh2 mb2_ic17ih15_kh3_sh2_ph1 ;;
    linear) echo mb3_ic64ih7_oc10 ;;
    relu) echo mb2_ic17ih9 ;;
    softmax) echo mb5_ic10 mb1_ic1000 ;;
    esac
}

stage_neon() {
    [ "$(uname -m)" != aarch64 ] || skip "this CPU has NEON: the stages native and gcc ran its rows"
    [ "$(uname -m)" = x86_64 ] || skip "no cross compiler for NEON on $(uname -m)"
    local sysroot=$OUT/sysroot-aarch64 qemu=qemu-aarch64-static why tool=$OUT/neon/lanewise ok=0 op problems
    why=$(bash scripts/sysroot-aarch64.sh "$sysroot") || neon_never_ran "$why"
    command -v $qemu >/dev/null || neon_never_ran "no $qemu"
    command -v aarch64-linux-gnu-gcc >/dev/null || neon_never_ran "no aarch64-linux-gnu-gcc"
    configure neon -DCMAKE_BUILD_TYPE=Release -DLANEWISE_WERROR=ON -DLANEWISE_AARCH64_ROOT="$sysroot" \
        -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/toolchain-aarch64.cmake" -DLANEWISE_PLAIN_RUNNER=ON
    LANEWISE_TEST_QUICK=1 LANEWISE_EXPECT_ISA=neon suites neon -L neon -j "$(nproc)" || ok=1
    for op in conv maxpool linear relu softmax; do
        read -ra problems <<<"$(neon_problems $op)"
        check "lanewise check --isa neon --op $op" $qemu "$tool" check --isa neon --op $op "${problems[@]}" || ok=1
    done
    check "lanewise mnist --isa neon" $qemu "$tool" mnist --isa neon models/digits/*.png || ok=1
    check "logits of 1,000 MNIST images as in every ISA" tests/reproducible_logits.sh neon $qemu "$tool" || ok=1
    return $ok
}

# With CI=true a NEON row that never ran is a failure, elsewhere a skip.
neon_never_ran() {
    [ "${CI:-}" != true ] || {
        echo "NEON rows never ran: $1"
        reason "NEON rows never ran: $1"
        exit 1
    }
    skip "NEON rows never ran: $1"
}

# ---- sanitizers --------------------------------------------------------------------------------------------

# Rows that this CPU can't run would only take minutes to instrument.
sanitized() {
    local isas
    isas=$(native_isas)
    configure "$stage" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DLANEWISE_SANITIZE="$1" \
        -DLANEWISE_ISAS="${isas//,/;}" -DCMAKE_C_COMPILER="$CC" \
        -DCMAKE_CXX_COMPILER="$CXX"
    LANEWISE_TEST_QUICK=1 LANEWISE_EXPECT_ISA=$isas suites "$stage"
}

stage_asan() {
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
    sanitized address,undefined
}

stage_tsan() {
    export TSAN_OPTIONS=halt_on_error=1
    sanitized thread
}
