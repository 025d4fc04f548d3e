#!/usr/bin/env python3
"""count_instructions.py [--compiler CC] [--batch N]: the instructions that the MNIST model executes on NEON, for an image,
counted under qemu, beside those that its multiply-adds would need at the density of the inner loops.

Each instruction is a block of its own to the emulator (-singlestep or -one-insn-per-tb) and a line of its trace. Counted
are those between two calls in count_images.c, so start-up and planning are left out. The count is the same at each run.
docs/inner-loops.md has the definitions. Exit status: 0 good, 2 bad usage, 3 something needed is missing here.
Needs Python 3 alone.
"""
import argparse
import collections
import os
import re
import shutil
import subprocess
import sys

from asm_loops import ARITHMETIC, FMA, hot_loop, read_functions
from inner_loops import ROOT, Missing, assembly, configure, find_compilers, run

QEMU = ("qemu-aarch64-static", "qemu-aarch64")
OBJDUMP = ("aarch64-linux-gnu-objdump", "llvm-objdump-19", "llvm-objdump", "objdump")
LAYERS = {  # by the names of the functions, in this order
    "conv1": r"patch_|line_|conv_tile_planes|direct_|pack_",
    "conv2": r"wino_|conv_|pool_rows|store_row",
    "fc": r"linear_",
    "softmax": r"softmax_|exp_",
}
PRODUCTS = r"patch_PATCH_|line_PATCH_|conv_tile_|wino_gemm_|linear_tile_"
TRANSFORMS = r"wino_f\d_(?:input|output)_"


def first_of(names):
    found = next((name for name in names if shutil.which(name)), None)
    if not found:
        raise Missing(f"none of these is here: {', '.join(names)}")
    return found


def one_instruction_option(qemu):
    text = run([qemu, "-help"])
    return next(option for option in ("-one-insn-per-tb", "-singlestep") if option in text)


def disassemble(program):
    """Address -> (function, instruction)."""
    found, function = {}, ""
    for line in run([first_of(OBJDUMP), "-d", "--no-show-raw-insn", program]).splitlines():
        label, code = re.match(r"([0-9a-f]+) <(.+)>:", line), re.match(r" *([0-9a-f]+):\s+(\S.*)", line)
        if label:
            function = re.sub(r"\.(?:isra|constprop|part|cold)\b.*", "", label[2])
        elif code:
            found[int(code[1], 16)] = (function, re.sub(r"\s+", " ", code[2]))
    return found


def trace(program, code, *arguments):
    """Address -> how often it was executed between count_begin and count_end, and what the program printed."""
    begin, end = (min(a for a, (function, _) in code.items() if function == f"count_{which}") for which in ("begin", "end"))
    qemu, counts, counting = first_of(QEMU), collections.Counter(), False
    command = [qemu, one_instruction_option(qemu), "-d", "nochain,exec", program, *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if not line.startswith("Trace "):
                continue
            address = int(line.split("/", 2)[1], 16)
            if address == begin:
                counting = True
            elif address == end:
                counting = False
            if counting:
                counts[address] += 1
        printed = process.stdout.read()
    if process.returncode or not counts:
        raise Missing(f"{' '.join(command)}: exit status {process.returncode}, {sum(counts.values())} instructions counted")
    return counts, printed


def layer_of(function):
    return next((layer for layer, names in LAYERS.items() if re.match(names, function)), "around")


def by_function(counts, code):
    """Function -> [instructions, multiply-adds, all arithmetic], an image."""
    found = collections.defaultdict(lambda: [0, 0, 0])
    for address, count in counts.items():
        function, line = code.get(address, ("(C library)", ""))
        entry = found[function]
        entry[0] += count
        entry[1] += count * bool(FMA.match(line))
        entry[2] += count * bool(ARITHMETIC.match(line))
    return found


def densities(functions, names):
    """Function -> multiply-adds an instruction in its inner loop."""
    loops = {name: hot_loop(functions[name]) for name in names if re.match(PRODUCTS, name)}
    return {name: loop.fmas / len(loop.code) for name, loop in loops.items()}


def report(found, density, images, every):
    def line(what, executed, fmas, products, arithmetic):
        both = products * (1 + arithmetic / fmas) if fmas else 0  # at the products' density
        ratio = f"{executed / products:.2f} | {executed / both:.2f}" if fmas else "- | -"
        print(f"| {what} | {executed / images:,.0f} | {fmas / images:,.0f} | {products / images:,.0f} | "
              f"{arithmetic / images:,.0f} | {both / images:,.0f} | {ratio} |")

    print("\n| | executed | products' FMAs | they need | transforms' arithmetic | both need | executed / products | / both |")
    print("|---|---|---|---|---|---|---|---|")
    total = [0] * 4
    for layer in [*LAYERS, "around"]:
        mine = {name: entry for name, entry in found.items() if layer_of(name) == layer}
        products = {name: entry[1] for name, entry in mine.items() if re.match(PRODUCTS, name)}
        sums = [sum(entry[0] for entry in mine.values()), sum(products.values()),
                sum(fmas / density[name] for name, fmas in products.items()),
                sum(entry[2] for name, entry in mine.items() if re.match(TRANSFORMS, name))]
        line(layer, *sums)
        total = [a + b for a, b in zip(total, sums)]
    line("whole model", *total)
    print("\n| function | executed | FMAs | all arithmetic |\n|---|---|---|---|")
    for name, entry in sorted(found.items(), key=lambda item: -item[1][0]):
        if every or entry[0] > total[0] / 200:
            print(f"| `{name}` | " + " | ".join(f"{n / images:,.0f}" for n in entry) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", action="append", default=[], metavar="CC")
    parser.add_argument("--batch", type=int, default=1, metavar="N", help="images at once")
    parser.add_argument("--all", action="store_true", help="functions below half a percent, too")
    arguments = parser.parse_args()
    if arguments.batch < 1:
        parser.error("--batch: at least 1")
    try:
        for compiler in find_compilers("neon", arguments.compiler):
            path = configure(f"count-{os.path.basename(compiler)}", compiler, os.uname().machine != "aarch64",
                             "-DLANEWISE_TESTS=OFF")
            run(["cmake", "--build", path, "--target", "count_images", "--parallel", "2"])
            program = os.path.join(path, "count_images")
            code = disassemble(program)
            counts, printed = trace(program, code, os.path.join(ROOT, "models", "mnist.safetensors"), "neon",
                                    arguments.batch, arguments.batch)
            found = by_function(counts, code)
            print(f"\n### {run([compiler, '--version']).splitlines()[0]}, batches of {arguments.batch}\n\n"
                  f"Rows: {', '.join(printed.splitlines())}.")
            report(found, densities(read_functions(assembly("neon", compiler)), found), arguments.batch, arguments.all)
    except Missing as missing:
        print(f"count_instructions.py: {missing}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
