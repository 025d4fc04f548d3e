#!/usr/bin/env bash
# binfmt.sh: makes sure that the kernel starts aarch64 binaries by itself, through qemu-user. Criterion starts its own binary
# anew for each test, and without this it spins for ever. As root it mounts binfmt_misc and registers qemu where needed.
# Exit 0: an aarch64 binary ran. 77: it can't be done here, and one line says why. QEMU names another qemu-aarch64.
set -u

skip() {
    echo "no aarch64 binaries here: $*"
    exit 77
}

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# The smallest aarch64 program: 120 bytes of ELF header, then mov x0, #42; mov x8, #93; svc #0: exit(42).
probe=$folder/probe
{
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0\1\0\0\0\170\0\100\0\0\0\0\0'
    printf '\100\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\70\0\1\0\0\0\0\0\0\0'
    printf '\1\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\0\0\0\0\0\0\100\0\0\0\0\0'
    printf '\204\0\0\0\0\0\0\0\204\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0'
    printf '\100\5\200\322\250\13\200\322\1\0\0\324'
} >"$probe"
chmod +x "$probe"

runs() {
    timeout 10 "$@" "$probe" 2>/dev/null
    [ $? -eq 42 ]
}

runs && exit 0
qemu=${QEMU:-$(command -v qemu-aarch64-static || command -v qemu-aarch64)}
[ -n "$qemu" ] || skip "qemu-aarch64-static isn't installed"
runs "$qemu" || skip "$qemu can't run them either"
[ "$(id -u)" -eq 0 ] || skip "binfmt_misc doesn't know them, and only root can register qemu"

misc=/proc/sys/fs/binfmt_misc
if [ ! -e $misc/register ]; then
    command -v modprobe >/dev/null && modprobe binfmt_misc 2>/dev/null
    mount -t binfmt_misc binfmt_misc $misc 2>/dev/null || skip "binfmt_misc can't be mounted"
fi
if [ -e $misc/qemu-aarch64 ]; then
    { echo 1 >$misc/qemu-aarch64; } 2>/dev/null # it may be there and disabled
else
    # Flag F opens qemu now, so that it's found in any root folder later.
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    { printf '%s' ":qemu-aarch64:M::$magic:$mask:$qemu:F" >$misc/register; } 2>/dev/null ||
        skip "binfmt_misc refuses a registration"
fi
runs && exit 0
skip "qemu is registered, yet a probe didn't run"
