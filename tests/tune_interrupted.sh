#!/usr/bin/env bash
# tune_interrupted.sh LANEWISE: Ctrl-C ends `lanewise tune` with what it has, in a whole file, and the same command goes on
# where it was, without measuring that again.
set -euo pipefail
lanewise=$(realpath "$1")
folder=$(mktemp -d)
tune=""
trap '[ -z "$tune" ] || kill -9 "$tune" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
unset LANEWISE_ISA LANEWISE_KERNEL LANEWISE_WISDOM LANEWISE_REPRODUCIBLE
fail() {
    echo "$*"
    cat stdout stderr 2>/dev/null || true
    exit 1
}
decisions() {
    if [ -f w ]; then grep -c ' effort=' w || true; else echo 0; fi
}

for ic in 16 17 32 33 48 64 65 96; do
    for ih in 28 29 30; do echo "mb1_ic${ic}ih${ih}_oc64_kh3_ph1"; done
done >problems.txt
all=24
command=("$lanewise" tune -o w --layout nchw --batch problems.txt --no-relu)

# A shell without job control starts its background commands with SIGINT ignored; tune has its own handler, so that is fine.
"${command[@]}" >stdout 2>stderr &
tune=$!
for _ in $(seq 2000); do
    [ "$(decisions)" -lt 2 ] || break
    sleep 0.02
done
kill -INT "$tune"
status=0
wait "$tune" || status=$?
tune=""
kept=$(decisions)
[ "$status" -eq 130 ] || fail "status $status, not 130"
[ "$kept" -ge 2 ] && [ "$kept" -lt $all ] || fail "$kept of $all are kept"
grep -q "interrupted, $((all - kept)) left" stderr || fail "it doesn't say how many are left"
[ "$(find . -type f | sort | tr '\n' ' ')" = "./problems.txt ./stderr ./stdout ./w " ] || fail "files: $(ls)"
"$lanewise" explain --wisdom w --json "$(head -1 problems.txt)" >stdout || fail "not whole"
grep -q '"rule":.*"wisdom"' stdout || fail "not known"
grep -q "^end $kept " w || fail "the last line"

cp w before
"${command[@]}" --json >stdout 2>stderr || fail "it doesn't go on"
grep -q "\"known\":.*\b$kept\b" stdout || fail "known: not $kept"
grep -q "\"tuned\":.*\b$((all - kept))\b" stdout || fail "tuned: not $((all - kept))"
[ "$(decisions)" -eq $all ] || fail "$(decisions) of $all"
grep ' effort=' before | while read -r line; do grep -qF -- "$line" w || fail "measured again: $line"; done
echo "kept $kept of $all, then the rest"
