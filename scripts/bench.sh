# `./dev bench`: the MNIST model, the matrix with its summary, and the page; results/<cpu>/ gets all. Sourced.
# shellcheck shell=bash

# The model's figures as JSON, beside other libraries where they are wanted and there.
mnist_json() {
    local data=() status=0
    [ -z "$FASHION_DIR" ] || data=(--weights models/fashion.safetensors --data "$FASHION_DIR")
    if [ -n "$WANT_PEERS" ]; then
        build/lanewise mnist "${data[@]}" --peers --json || status=$?
        [ $status = 3 ] || return $status
    fi
    build/lanewise mnist "${data[@]}" --json
}

bench() {
    local json=build/mnist.json matrix
    run_mnist
    [ -z "$WANT_PEERS" ] || build/lanewise mnist --peers --images 1000 || [ $? = 3 ]
    mnist_json >$json.tmp
    mv $json.tmp $json
    build/lanewise bench --results results --mnist $json "$@"
    matrix=$(find results -name matrix.json -newer $json -print -quit)
    [ -n "$matrix" ] || return 0 # --compare alone measures no matrix
    RESULTS_FOLDER=${matrix%/*}
    cp $json "$RESULTS_FOLDER/mnist.json.tmp"
    mv "$RESULTS_FOLDER/mnist.json.tmp" "$RESULTS_FOLDER/mnist.json"
    build/lanewise results refresh
    say "dev: the page: $RESULTS_FOLDER/report.html"
}

# Everything that the repository keeps of a CPU.
results() {
    RESULTS_FOLDER=
    bench --peers "$@"
    [ -n "$RESULTS_FOLDER" ] || die "results: no matrix was measured"
    rm -f build/wisdom.txt
    build/lanewise tune -o build/wisdom.txt
    cp build/wisdom.txt "$RESULTS_FOLDER/wisdom.txt.tmp"
    mv "$RESULTS_FOLDER/wisdom.txt.tmp" "$RESULTS_FOLDER/wisdom.txt"
    build/lanewise results merge "$RESULTS_FOLDER"
    build/lanewise results readme "$RESULTS_FOLDER"
}
