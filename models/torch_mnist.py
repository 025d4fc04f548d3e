#!/usr/bin/python3
"""The MNIST model by PyTorch, for `lanewise mnist --peers`: runs when it is told to, over pipes.

usage: torch_mnist.py BATCH THREADS <requests >answers

The input begins with the weights and the batch of images, raw floats in this machine's order: conv1 [32][1][3][3],
its bias [32], conv2 [64][32][3][3], [64], fc [10][3136], [10], images [BATCH][1][28][28]. Then answers, each a line:

    ready VERSION         once, when the model is frozen, optimised and warm; or: missing REASON
    logits, probabilities [BATCH][10] each, raw floats, right after it
    done                  after each line N of the input, when N executions are done
"""
import sys

SHAPES = (32, 1, 3, 3), (32,), (64, 32, 3, 3), (64,), (10, 3136), (10,)
WARM_UP = 20


def read_floats(torch, stream, shape):
    count = 1
    for size in shape:
        count *= size
    data = stream.read(4 * count)
    if len(data) != 4 * count:
        raise SystemExit(2)
    return torch.frombuffer(bytearray(data), dtype=torch.float32).reshape(shape)


def make_model(torch, weights, with_softmax):
    nn = torch.nn
    layers = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
              nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3136, 10)]
    layers += [nn.Softmax(dim=1)] if with_softmax else []
    model = nn.Sequential(*layers).eval()
    for parameter, values in zip(model.parameters(), weights):
        parameter.data = values
    return model


def optimise(torch, model, images):
    script = torch.jit.freeze(torch.jit.trace(model, images))
    script = torch.jit.optimize_for_inference(script)
    for _ in range(WARM_UP):
        script(images)
    return script


def serve(torch, batch, threads):
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    weights = [read_floats(torch, stdin, shape) for shape in SHAPES]
    images = read_floats(torch, stdin, (batch, 1, 28, 28))
    model = optimise(torch, make_model(torch, weights, True), images)
    logits = optimise(torch, make_model(torch, weights, False), images)(images)
    stdout.write(b"ready %s\n" % torch.__version__.encode())
    stdout.write(bytes(logits.contiguous().view(-1).numpy()) + bytes(model(images).contiguous().view(-1).numpy()))
    stdout.flush()
    for line in stdin:
        for _ in range(int(line)):
            model(images)
        stdout.write(b"done\n")
        stdout.flush()


def main():
    try:
        import torch
    except ImportError as error:
        print("missing", error, flush=True)
        return
    with torch.no_grad():
        serve(torch, int(sys.argv[1]), int(sys.argv[2]))


main()
