# `./dev bench`: the MNIST model, then the matrix with its summary; results/<cpu>/ gets both. Sourced.
# shellcheck shell=bash

bench() {
    local json=build/mnist.json
    run_mnist
    [ -z "$WANT_PEERS" ] || build/lanewise mnist --peers --images 1000 || [ $? = 3 ]
    if [ -n "$FASHION_DIR" ]; then
        build/lanewise mnist --weights models/fashion.safetensors --data "$FASHION_DIR" --json >$json.tmp
    else
        build/lanewise mnist --json >$json.tmp
    fi
    mv $json.tmp $json
    build/lanewise bench --results results --mnist $json "$@"
}
