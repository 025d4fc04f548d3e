# `./dev bench`: the MNIST model, then the matrix with its summary; results/<cpu>/ gets both. Sourced.
# shellcheck shell=bash

# mnist_json [--peers]: the model's figures, of the test set that there is.
mnist_json() {
    local set=()
    [ -z "$FASHION_DIR" ] || set=(--weights models/fashion.safetensors --data "$FASHION_DIR")
    build/lanewise mnist "${set[@]}" --json "$@"
}

bench() {
    local json=build/mnist.json peers=()
    run_mnist
    if [ -n "$WANT_PEERS" ]; then # 3: there are none here
        if build/lanewise mnist --peers --images 1000; then peers=(--peers); else [ $? = 3 ]; fi
    fi
    mnist_json "${peers[@]}" >$json.tmp
    mv $json.tmp $json
    build/lanewise bench --results results --mnist $json "$@"
}
