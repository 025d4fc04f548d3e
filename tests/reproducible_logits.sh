#!/bin/sh
# reproducible_logits.sh ISA COMMAND...: the logits of reproducible models on rows of ISA, by COMMAND (lanewise, perhaps
# under an emulator), have the SHA-256 sums of tests/logits.sha256: of the ten digits with each algorithm in conv2, and of
# the first 1,000 MNIST test images where the command finds them and LANEWISE_TEST_QUICK isn't 1.
# `reproducible_logits.sh ISA COMMAND... --print` prints them in the file's form instead.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
isa=$1
shift
print=false
command=""
for word in "$@"; do
    if [ "$word" = --print ]; then print=true; else command="$command $word"; fi
done
logits=$(mktemp)
output=$(mktemp)
trap 'rm -f "$logits" "$output"' EXIT
bad=0

# 77 (skipped) where the CPU lacks the ISA, unless LANEWISE_EXPECT_ISA lists it.
status=0
$command run relu mb1_ic1ih1 --isa "$isa" --src /dev/null --dst "$logits" 2>"$output" || status=$?
if [ $status -eq 3 ]; then
    cat "$output"
    case ,${LANEWISE_EXPECT_ISA:-}, in
    *,"$isa",*) exit 1 ;;
    esac
    exit 77
fi

# one NAME ARGUMENTS...: the digest of one run's logits file.
one() {
    name=$1
    shift
    $command mnist --reproducible --isa "$isa" --logits "$logits" "$@" >"$output"
    ! grep -q "^data .*ten digits" "$output" || {
        echo "no MNIST data found: $name left out" >&2
        return 0
    }
    sum=$(sha256sum <"$logits" | cut -d' ' -f1)
    if $print; then
        echo "$sum  $name"
    elif grep -qx "$sum  $name" "$here/logits.sha256"; then
        echo "ok: $name on $isa: $sum"
    else
        echo "FAILED: $name on $isa: $sum is not in tests/logits.sha256"
        bad=1
    fi
}

digits="$here/../models/digits"
one "digits" "$digits"/*.png
for kernel in $($command list --op conv --isa "$isa" | grep -o "conv_[a-z0-9_]*_${isa}[a-z0-9_]*"); do
    case $kernel in
    conv_depthwise* | conv_direct_patch* | conv_points* | conv_winograd_f1x4*) continue ;; # not for this layer
    esac
    one "digits conv2=${kernel%%_"$isa"*}" --kernel conv2="$kernel" "$digits"/*.png
done
[ "${LANEWISE_TEST_QUICK:-}" = 1 ] || one "mnist 1000" --images 1000
exit $bad
