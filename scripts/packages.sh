# What ./dev needs from the system: says what is missing and installs just that. Sourced; sets CC and CXX.
# shellcheck shell=bash

BUILD_PACKAGES=(cmake ninja-build pkg-config libc6-dev libcjson-dev libpng-dev zlib1g-dev libbenchmark-dev)
# PyTorch is for the MNIST model alone, and big: 0.6 GB and more with what it needs. LANEWISE_TORCH=1 installs it.
PEER_PACKAGES=(libdnnl-dev libxnnpack-dev libpthreadpool-dev libopenblas-dev)
TORCH_PACKAGE=python3-torch
TEST_PACKAGES=(gcc g++ clang-format libcriterion-dev libsimde-dev qemu-user-static)
FORMAT_MAJOR=14 # other versions of clang-format lay some lines out differently

has_apt() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Reads the package lists once a run, and only when something has to be installed.
apt_updated=no
apt_update() {
    [ $apt_updated = no ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        die "to install packages, run as root or install sudo; still missing: $*"
    fi
    say "dev: reading the package lists"
    as_root apt-get update -qq || die "apt-get update failed: no network, or no package mirror"
    apt_updated=yes
}
has_candidate() { grep -q '^  Candidate: [^(]' <<<"$(apt-cache policy "$1" 2>/dev/null)"; }

# install_missing PACKAGE...
install_missing() {
    local missing=() package
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    apt_update "${missing[@]}"
    say "dev: installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null || die "apt-get install failed: ${missing[*]}"
}

# The compiler of the kernels, in CC and CXX: clang makes the faster ones (gcc 12: about 5% slower).
choose_compiler() {
    local candidate
    if [ -n "${LANEWISE_CC:-}" ]; then
        CC=$LANEWISE_CC
        command -v "$CC" >/dev/null || die "LANEWISE_CC: no such compiler: $CC"
    else
        CC=
        for candidate in clang-19 clang; do
            if command -v $candidate >/dev/null; then
                CC=$candidate
                break
            fi
        done
        if [ -z "$CC" ] && has_apt; then
            apt_update clang
            for candidate in clang-19 clang gcc; do
                if has_candidate $candidate; then
                    install_missing $candidate
                    CC=$candidate
                    break
                fi
            done
        fi
        for candidate in gcc cc; do
            if [ -z "$CC" ] && command -v $candidate >/dev/null; then CC=$candidate; fi
        done
        [ -n "$CC" ] || die "no C compiler (clang or gcc)"
    fi
    case $CC in
    *clang*) CXX=${CC/clang/clang++} ;;
    *gcc*) CXX=${CC/gcc/g++} ;;
    *) CXX=c++ ;;
    esac
    if has_apt && ! command -v "$CXX" >/dev/null; then install_missing g++; fi
    say "dev: compiler $CC ($("$CC" --version | head -n 1))"
}

# On a system without apt: everything missing in one list.
list_missing() {
    local missing=() item
    for item in "$@"; do
        case $item in
        lib:*) pkg-config --exists "${item#lib:}" 2>/dev/null || missing+=("${item#lib:} (library, with headers)") ;;
        *) command -v "$item" >/dev/null || missing+=("$item") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    say "dev: this is neither Debian nor Ubuntu, so please install first:"
    printf '  %s\n' "${missing[@]}" >&2
    exit 2
}

set_up_build() {
    if has_apt; then
        choose_compiler
        install_missing "${BUILD_PACKAGES[@]}"
        [ -z "${WANT_PEERS:-}" ] || install_peers ${LANEWISE_TORCH:+$TORCH_PACKAGE}
    else
        list_missing cmake ninja pkg-config lib:libcjson lib:libpng lib:zlib lib:benchmark
        choose_compiler
    fi
}

# Other libraries to compare with: those that the distribution has. Without any, the command says so.
install_peers() {
    local package
    for package in "${PEER_PACKAGES[@]}" "$@"; do
        installed "$package" || apt_update "$package"
        if installed "$package" || has_candidate "$package"; then
            (install_missing "$package") || say "dev: $package is left out"
        else
            say "dev: no package $package here"
        fi
    done
}

# clang's major version decides the name of its sanitizers' package.
set_up_test() {
    set_up_build
    if ! has_apt; then
        list_missing gcc g++ clang clang-format lib:criterion
        return
    fi
    local packages=("${TEST_PACKAGES[@]}") major
    install_peers
    case $CC in
    *clang*)
        major=$("$CC" -dumpversion)
        packages+=("libclang-rt-${major%%.*}-dev")
        ;;
    esac
    [ "$(uname -m)" != x86_64 ] || packages+=(gcc-aarch64-linux-gnu)
    # Ubuntu's package of this name only installs a snap, which needs more than a container has.
    [ "$(. /etc/os-release && echo "$ID")" != debian ] || packages+=(chromium)
    install_missing "${packages[@]}"
}

set_up_format() {
    if has_apt; then
        [ -n "$(clang_format)" ] || install_missing clang-format
    else
        list_missing clang-format
    fi
}

# The clang-format of the version that the layout was made with, or nothing.
clang_format() {
    local candidate
    for candidate in clang-format-$FORMAT_MAJOR clang-format; do
        if command -v "$candidate" >/dev/null &&
            [[ $("$candidate" --version) =~ version\ $FORMAT_MAJOR\. ]]; then
            echo "$candidate"
            return
        fi
    done
}

sources() {
    find include kernels dispatch predict reference models bench report tools tests \
        \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) -type f | sort
}

format_sources() {
    local tool
    tool=$(clang_format)
    [ -n "$tool" ] || die "clang-format $FORMAT_MAJOR is needed: other versions lay some lines out differently"
    case ${1:-} in
    "") sources | xargs "$tool" -i ;;
    --check) sources | xargs "$tool" --dry-run -Werror ;;
    *) die "format: unknown argument '$1'" ;;
    esac
}
