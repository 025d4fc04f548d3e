#!/usr/bin/env bash
# sysroot-aarch64.sh FOLDER: unpacks Debian's or Ubuntu's arm64 libraries that the tests link into FOLDER. Uses a package
# list of its own, so that nothing of the system changes, and needs no root. Exit 1 with a line where it can't.
set -euo pipefail

root=$1
packages=(libc6-dev libcjson-dev libpng-dev zlib1g-dev)
stamp=$root/.complete
[ "$(cat "$stamp" 2>/dev/null)" != "${packages[*]}" ] || exit 0
command -v apt-get >/dev/null || {
    echo "the arm64 libraries come from Debian or Ubuntu packages, and this system has no apt-get"
    exit 1
}

apt=$root/.apt
rm -rf "$root"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
options=(-o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=false
    -o Dir::State="$apt" -o Dir::State::Lists="$apt/lists" -o Dir::State::status="$apt/status"
    -o Dir::Cache="$apt/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
# shellcheck source=/dev/null
. /etc/os-release
# Ubuntu keeps arm64 on another mirror than amd64: its address, where the system's own sources lack it.
if [ "$ID" = ubuntu ] && [ -n "${LANEWISE_ARM64_MIRROR:-}" ]; then
    for suite in "$VERSION_CODENAME" "$VERSION_CODENAME-updates" "$VERSION_CODENAME-security"; do
        echo "deb [signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg]" \
            "$LANEWISE_ARM64_MIRROR $suite main universe"
    done >"$apt/ports.list"
    options+=(-o Dir::Etc::sourcelist="$apt/ports.list" -o Dir::Etc::sourceparts=-)
fi
apt-get "${options[@]}" -qq update || {
    echo "the package lists of arm64 can't be read"
    exit 1
}
apt-get "${options[@]}" -qq -y --download-only install "${packages[@]}" || {
    echo "the arm64 packages can't be downloaded"
    exit 1
}
for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
done
[ -e "$root/lib" ] || ln -s usr/lib "$root/lib"
# Links to /lib/... would lead out of the folder.
find "$root" -type l -lname '/*' | while read -r link; do
    ln -sfn "$(realpath -m "$root")$(readlink "$link")" "$link"
done
rm -rf "$apt"
printf '%s' "${packages[*]}" >"$stamp"
