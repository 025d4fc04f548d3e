# `./dev bench`: the matrix, the MNIST model, a summary. Sourced.
# shellcheck shell=bash

bench() {
    build/lanewise bench "$@"
    run_mnist
}
