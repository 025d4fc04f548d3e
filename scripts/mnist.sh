# The MNIST data: found here, or fetched from the well-known mirrors and checked; where neither can be, Fashion-MNIST
# of the distribution takes its place. Sourced; find_mnist sets FASHION_DIR in that case.
# shellcheck shell=bash

MNIST_CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lanewise/mnist
FASHION_DIR=
MNIST_MIRRORS=(
    https://ossci-datasets.s3.amazonaws.com/mnist
    https://storage.googleapis.com/cvdf-datasets/mnist
    http://yann.lecun.com/exdb/mnist
)
# Of the uncompressed files: mirrors compress them differently.
MNIST_SHA256="\
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7 t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2 t10k-labels-idx1-ubyte
ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5 train-labels-idx1-ubyte"

# download URL FILE
download() {
    if command -v curl >/dev/null; then
        curl -fsSL --connect-timeout 5 --max-time 120 -o "$2" "$1"
    else
        wget -q --tries=1 --connect-timeout=5 --read-timeout=20 -O "$2" "$1"
    fi 2>/dev/null
}

# Each file appears in the cache whole and checked, or not at all.
fetch_file() {
    local sum=$1 name=$2 mirror temp=$MNIST_CACHE/.$2.gz.tmp
    for mirror in "${MNIST_MIRRORS[@]}"; do
        if download "$mirror/$name.gz" "$temp"; then
            if [ "$(gzip -dc "$temp" 2>/dev/null | sha256sum | cut -d ' ' -f 1)" = "$sum" ]; then
                mv "$temp" "$MNIST_CACHE/$name.gz"
                say "dev: fetched $name.gz from $mirror"
                return 0
            fi
            say "dev: $mirror/$name.gz has the wrong SHA-256: not used"
        fi
    done
    rm -f "$temp"
    return 1
}

mnist_here() {
    local folder
    for folder in "$MNIST_CACHE" /usr/share/datasets/mnist /usr/local/share/datasets/mnist; do
        [ ! -f "$folder/t10k-images-idx3-ubyte.gz" ] && [ ! -f "$folder/t10k-images-idx3-ubyte" ] || return 0
    done
    return 1
}

# A failure to reach the mirrors is believed for a day, unless MNIST_RETRY says otherwise.
find_mnist() {
    [ -z "${LANEWISE_MNIST_DIR:-}" ] || return 0
    ! mnist_here || return 0
    local sum name complete=yes
    mkdir -p "$MNIST_CACHE"
    if [ -n "${MNIST_RETRY:-}" ] || [ -z "$(find "$MNIST_CACHE/.unreachable" -mtime -1 2>/dev/null)" ]; then
        if ! command -v curl >/dev/null && ! command -v wget >/dev/null && has_apt; then
            install_missing curl ca-certificates
        fi
        say "dev: fetching the MNIST data into $MNIST_CACHE"
        while read -r sum name; do
            fetch_file "$sum" "$name" || {
                complete=no
                break
            }
        done <<<"$MNIST_SHA256"
        [ $complete = no ] || return 0
        touch "$MNIST_CACHE/.unreachable"
    fi
    say "dev: no MNIST data: not in the usual places, and no mirror can be reached from here" \
        "(LANEWISE_MNIST_DIR may name its folder)"
    FASHION_DIR=/usr/share/datasets/fashion-mnist
    if ! [ -d $FASHION_DIR ] && has_apt && apt_update dataset-fashion-mnist && has_candidate dataset-fashion-mnist; then
        install_missing dataset-fashion-mnist
    fi
    if [ -d $FASHION_DIR ]; then
        say "dev: Fashion-MNIST is used instead, and the ten digits of models/digits"
    else
        FASHION_DIR=
    fi
}

run_mnist() {
    if [ -n "$FASHION_DIR" ] && [ $# -eq 0 ]; then
        build/lanewise mnist --weights models/fashion.safetensors --data "$FASHION_DIR"
    fi
    build/lanewise mnist "$@"
}
