#!/usr/bin/env bash
# run.sh LANEWISE LIBRARY CC: builds the library with just the rows that `lanewise pick --emit cmake` names for the MNIST
# model. It has those and no other, it is smaller than LIBRARY (the whole one), and the model's logits are the same bits as
# with these rows of the whole library. A kernel that doesn't exist is an error when it is configured.
set -euo pipefail

lanewise=$1 whole=$2 CC=$3
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quick=(-G Ninja -DCMAKE_C_COMPILER="$CC" -DLANEWISE_TOOLS=OFF -DLANEWISE_TESTS=OFF -DLANEWISE_WERROR=ON)

"$lanewise" pick --mnist --emit cmake -o "$work/rows.cmake"
cmake -C "$work/rows.cmake" -S "$root" -B "$work/build" "${quick[@]}" >"$work/log"
cmake --build "$work/build" --parallel 2 >"$work/log" || { cat "$work/log"; exit 1; }
small=$work/build/dispatch/liblanewise.a
grep -q 'liblanewise.a: [0-9]* KiB' "$work/log" || { echo "the build doesn't tell the library's size"; exit 1; }

mapfile -t rows < <("$lanewise" pick --mnist --emit cmake | sed -n 's/^    \([a-z0-9_]*\) #.*/\1/p')
read -ra cjson <<<"$(pkg-config --cflags --libs libcjson)"
for name in whole small; do
    "$CC" -std=gnu11 -O1 -Wall -Wextra -Werror -I"$root/include" -I"$root" "$root/tests/embedded/logits.c" \
        "$root"/models/{mnist_cnn,safetensors,lwm_file,lwm_error}.c "${!name}" "${cjson[@]}" -lm -lpthread -o "$work/$name"
done
"$work/small" "$root/models/mnist.safetensors" >"$work/small.txt"
"$work/whole" "$root/models/mnist.safetensors" "${rows[@]}" >"$work/whole.txt"
diff <(printf '%s\n' "${rows[@]}" | sort) <(sed -n 's/^kernel //p' "$work/small.txt" | sort)
diff <(grep logit "$work/whole.txt") <(grep logit "$work/small.txt")

sizes=$(stat -c %s "$whole" "$small" | paste -sd ' ')
echo "liblanewise.a: ${sizes% *} bytes with all kernels, ${sizes#* } with ${#rows[@]}"
[ "${sizes#* }" -lt "${sizes% *}" ]

if cmake "-DLANEWISE_KERNELS=linear_scalar;conv_of_nobody" -S "$root" -B "$work/bad" "${quick[@]}" >"$work/log" 2>&1; then
    echo "an unknown kernel was taken"
    exit 1
fi
grep -q 'no kernel is named conv_of_nobody' "$work/log"
grep -q softmax_scalar "$work/log" # what there is
