# `./dev bench`: the MNIST model, the matrix with its summary, and the page; results/<cpu>/ gets all, or, where the
# repository keeps that CPU, results/local/<cpu>/. Sourced.
# shellcheck shell=bash

# mnist_json [--peers]: the model's figures, of the test set that there is.
mnist_json() {
    local set=()
    [ -z "$FASHION_DIR" ] || set=(--weights models/fashion.safetensors --data "$FASHION_DIR")
    build/lanewise mnist "${set[@]}" --json "$@"
}

bench() {
    local json=build/mnist.json peers=() arguments=() argument
    run_mnist
    if [ -n "$WANT_PEERS" ]; then # 3: there are none here, and the rest goes on without
        if build/lanewise mnist --peers --images 1000; then peers=(--peers); else [ $? = 3 ]; fi
    fi
    [ ${#peers[@]} -gt 0 ] || WANT_PEERS=
    for argument in "$@"; do
        [ "$argument" = --peers ] && [ -z "$WANT_PEERS" ] || arguments+=("$argument")
    done
    mnist_json "${peers[@]}" >$json.tmp
    mv $json.tmp $json
    rm -rf build/results && mkdir build/results # a comparison alone stays there, and isn't the next run's
    build/lanewise bench --results build/results --mnist $json "${arguments[@]}"
    publish $json
}

# Where a CPU's folder goes. What the repository keeps, with its peers and wisdom, is `./dev results`' alone to replace.
results_of() {
    if [ "$command" != results ] && git ls-files --error-unmatch "results/$1/matrix.json" >/dev/null 2>&1; then
        echo results/local
    else
        echo results
    fi
}

# The model's figures beside the matrix, if one was just measured, then pages, plots and the table of all CPUs.
publish() {
    local json=$1 matrix measured into
    matrix=$(find build/results -name matrix.json -print -quit)
    [ -n "$matrix" ] || return 0 # --compare alone measures no matrix
    measured=${matrix%/*}
    into=$(results_of "${measured##*/}")
    RESULTS_FOLDER=$into/${measured##*/}
    mkdir -p "$RESULTS_FOLDER"
    [ -n "$WANT_PEERS" ] || rm -f "$RESULTS_FOLDER/versus.json" "$RESULTS_FOLDER/peers.txt" # of another run
    cp $json "$measured/mnist.json"
    mv "$measured"/* "$RESULTS_FOLDER"
    build/lanewise results refresh --into "$into"
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
