#!/usr/bin/env python3
"""inner_loops.py [--isa NAME] [--cpu NAME]... [--compiler CC]... [--all] [--json]: how near the kernels' inner loops are
to the peak of a CPU, by llvm-mca's model of it.

Compiles kernels/ISA/kernels.c to assembly with the flags of the build, finds the inner loop of every main row and tells
for each CPU: cycles an iteration, vector multiply-adds, the share of what the CPU's FMA pipes could do in that time, and
spills (instructions of the loop that touch the stack). llvm-mca takes loads to hit the L1 cache and branches to be
predicted. Cross builds need scripts/sysroot-aarch64.sh's folder (LANEWISE_AARCH64_ROOT, else made under build-test/).
docs/inner-loops.md tells how to read the tables. Exit status: 0 good, 2 bad usage, 3 llvm-mca or a compiler is missing.
Needs Python 3 alone.
"""
import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass

from asm_loops import hot_loop, read_functions

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ITERATIONS = 300

ISAS = {  # triple, machine, compilers (the first of each tuple that is here), CPUs
    "neon": ("aarch64-linux-gnu", "aarch64", [("clang-19", "clang"), ("aarch64-linux-gnu-gcc", "gcc")],
             ["neoverse-n1", "neoverse-v1", "apple-m1"]),
    "avx2": ("x86_64-linux-gnu", "x86_64", [("clang-19", "clang"), ("gcc",)], ["haswell", "znver3"]),
    "avx512": ("x86_64-linux-gnu", "x86_64", [("clang-19", "clang"), ("gcc",)],
               ["skylake-avx512", "icelake-server", "sapphirerapids", "znver4"]),
}
PROBES = {  # independent multiply-adds, as many as there are registers for
    "neon": {"lane": [f"fmla v{i}.4s, v30.4s, v31.s[0]" for i in range(30)],
             "vector": [f"fmla v{i}.4s, v30.4s, v31.4s" for i in range(30)]},
    "avx2": {"vector": [f"vfmadd231ps %ymm14, %ymm15, %ymm{i}" for i in range(14)]},
    "avx512": {"vector": [f"vfmadd231ps %zmm30, %zmm31, %zmm{i}" for i in range(30)]},
}


class Missing(Exception):
    """Something that this machine lacks."""


@dataclass
class Row:
    what: str
    function: str  # its name in kernels.c
    trips: int = None  # count the loop around the inner one, which runs so often; None: the inner loop alone


def tile_sizes(isa):
    with open(os.path.join(ROOT, "kernels", isa, "tiles.h"), encoding="utf-8") as file:
        return {name: int(value) for name, value in re.findall(r"#define LW_(\w+)\s+(\d+)", file.read())}


def rows(isa, every):
    """The loops to look at, and the transforms, which are there for information."""
    tile = tile_sizes(isa)
    patch, pixels = tile["PATCH_VECTORS"], {v: tile[f"DIRECT_PIXELS_{v}"] for v in range(1, tile["DIRECT_VECTORS"] + 1)}
    shapes = [(p, v) for v in pixels for p in range(1, pixels[v] + 1)] if every else [
        (p, v) for v in sorted({2, max(pixels)}, reverse=True) if v == max(pixels) or pixels[v] > pixels[max(pixels)]
        for p in sorted({pixels[v], pixels[v] - pixels[v] // 4}, reverse=True)]
    widths = range(1, tile["WINO_VECTORS"] + 1) if every else [tile["WINO_VECTORS"]]
    images = 2 if isa == "avx2" else 4
    products = [Row("direct: 3x3, 1x1, any", f"conv_tile_blocked1_{p}x{v}") for p, v in shapes]
    products += [Row("direct from planes", f"conv_tile_planes1_{pixels[max(pixels)]}x{max(pixels)}"),
                 Row("1x1 from planes to planes", f"points_tile_{pixels[tile['POINTS_VECTORS']]}x{tile['POINTS_VECTORS']}")]
    products += [Row("patch, one channel, pooled: all of it", f"patch_PATCH_POOL_FINITE_4x{patch}_1"),
                 Row("patch, a channel of several", f"patch_PATCH_TWO_ROWS_4x{patch}_0"),
                 Row("F(1x4), one channel, pooled: all of it", "line_PATCH_POOL_FINITE_1"),
                 Row("F(1x4), a channel of several", "line_PATCH_TWO_ROWS_0")]
    products += [Row("Winograd product", f"wino_gemm_{t}x{v}")
                 for v in widths if v != 3 for t in range(tile["WINO_TILES"], 0, -1)]
    pairs = isa == "avx2"  # its 3x3 of stride 2 takes two vectors of four pixels
    products += [Row(f"depthwise {k}x{k}, stride {s}: a tile", f"depthwise_{k}s{s}_{4 if pairs and (k, s) == (3, 2) else 8}",
                     k) for k in (3, 5) for s in (1, 2)]
    products += [Row("linear", f"linear_tile_{n}x5") for n in (1, 2, 4) if n <= images]
    transforms = [Row(f"F({2 * p}x{2 * p}) {part.replace('_', ' ')}", f"wino_f{2 * p}_{part}_{p}") for p in (2, 3)
                  for part in ("input_columns", "input_rows", "output_rows", "output_columns", "output_pooled")]
    return products, transforms


# ---- compilers ------------------------------------------------------------------------------------------------------


def run(command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True, **options)
    if result.returncode:
        raise Missing(f"{' '.join(command)}: exit status {result.returncode}\n{result.stderr.strip()[-2000:]}")
    return result.stdout


def cross_options():
    root = os.environ.get("LANEWISE_AARCH64_ROOT", os.path.join(ROOT, "build-test", "sysroot-aarch64"))
    if "LANEWISE_AARCH64_ROOT" not in os.environ:
        run(["bash", os.path.join(ROOT, "scripts", "sysroot-aarch64.sh"), root])
    return [f"-DCMAKE_TOOLCHAIN_FILE={ROOT}/cmake/toolchain-aarch64.cmake", f"-DLANEWISE_AARCH64_ROOT={root}"]


def configure(folder, compiler, cross, *options):
    """Configures a build in build-loops/FOLDER and returns its path; cross: for 64-bit Arm from another machine."""
    path = os.path.join(ROOT, "build-loops", folder)
    run(["cmake", "-S", ROOT, "-B", path, "-DCMAKE_BUILD_TYPE=Release", f"-DCMAKE_C_COMPILER={compiler}",
         *options, *(cross_options() if cross else [])])
    return path


def assembly(isa, compiler):
    """kernels/ISA/kernels.c in assembly, by the command that the build would compile it with."""
    machine = ISAS[isa][1]
    path = configure(f"{isa}-{os.path.basename(compiler)}", compiler, machine == "aarch64" and os.uname().machine != machine,
                     "-DLANEWISE_TOOLS=OFF", "-DLANEWISE_TESTS=OFF")
    with open(os.path.join(path, "compile_commands.json"), encoding="utf-8") as file:
        entry = next((e for e in json.load(file) if e["file"].endswith(f"/{isa}/kernels.c")), None)
    if not entry:
        raise Missing(f"{compiler} has no {isa} kernels to compile here")
    command = shlex.split(entry["command"])
    at = command.index("-o")
    del command[at:at + 2]
    command[command.index("-c")] = "-S"
    return run(command + ["-fno-asynchronous-unwind-tables", "-o", "-"], cwd=entry["directory"])


def find_compilers(isa, asked):
    found = [asked_for for asked_for in asked if shutil.which(asked_for)]
    if asked and len(found) < len(asked):
        raise Missing(f"no such compiler: {', '.join(set(asked) - set(found))}")
    for names in [] if asked else ISAS[isa][2]:
        found += [name for name in names if shutil.which(name)][:1]
    if not found:
        raise Missing(f"no compiler for {isa}: {' or '.join(name for names in ISAS[isa][2] for name in names)}")
    return found


# ---- llvm-mca -------------------------------------------------------------------------------------------------------


def find_mca():
    for name in ("llvm-mca-19", "llvm-mca"):
        if shutil.which(name):
            return name
    raise Missing("no llvm-mca-19 or llvm-mca: it is in the package llvm-19 or llvm of Debian and Ubuntu")


def simulate(mca, isa, cpu, regions):
    """Cycles an iteration of each region (name: instructions)."""
    text = "".join(f"# LLVM-MCA-BEGIN {name}\n" + "\n".join(code) + "\n# LLVM-MCA-END\n" for name, code in regions.items())
    command = [mca, f"-mtriple={ISAS[isa][0]}", f"-mcpu={cpu}", f"-iterations={ITERATIONS}", "-json"]
    report = json.loads(run(command, input=text))
    return {r["Name"].strip(): r["SummaryView"]["TotalCycles"] / ITERATIONS for r in report["CodeRegions"]}


def needed(arithmetic, rate):
    """Cycles that the FMA pipes need for these instructions; rate: instructions a cycle, by form."""
    lanes = sum(bool(re.search(r"\.s\[\d\]$", line)) for line in arithmetic) if "lane" in rate else 0
    return (len(arithmetic) - lanes) / rate["vector"] + (lanes / rate["lane"] if lanes else 0)


def look(mca, isa, cpu, loops):
    """[(function, cycles, share of the FMA pipes)], and the probed rates: instructions a cycle of each form."""
    regions = {f"probe_{form}": code for form, code in PROBES[isa].items()}
    regions.update({name: loop.code for name, loop in loops.items()})
    cycles = simulate(mca, isa, cpu, regions)
    rate = {form: round(len(code) / cycles[f"probe_{form}"], 2) for form, code in PROBES[isa].items()}
    return {name: (cycles[name], needed(loop.arithmetic, rate) / cycles[name]) for name, loop in loops.items()}, rate


# ---- tables ---------------------------------------------------------------------------------------------------------


def print_table(title, table, loops, cpus, found):
    print(f"\n| {title} | instructions | FMAs | spills | " + " | ".join(f"{cpu}: cycles | %" for cpu in cpus) + " |")
    print("|---|---|---|---|" + "---|---|" * len(cpus))
    for row in table:
        if row.function in loops:
            loop = loops[row.function]
            cells = [f"{found[cpu][0][row.function][0]:.1f} | {100 * found[cpu][0][row.function][1]:.0f}" for cpu in cpus]
            print(f"| {row.what}: `{row.function}` | {len(loop.code)} | {loop.fmas} | {loop.spills} | " +
                  " | ".join(cells) + " |")


def report(mca, isa, compiler, cpus, every):
    """Prints both tables; returns them as records."""
    functions = read_functions(assembly(isa, compiler))
    products, transforms = rows(isa, every)
    loops = {}
    for row in products + transforms:
        loop = hot_loop(functions[row.function], row.trips) if row.function in functions else None
        if loop:
            loops[row.function] = loop
        else:
            print(f"inner_loops.py: {compiler}: no loop found in {row.function}", file=sys.stderr)
    found = {cpu: look(mca, isa, cpu, loops) for cpu in cpus}
    rates = "; ".join(f"{cpu} {' and '.join(f'{rate:g} ({form})' for form, rate in found[cpu][1].items())}" for cpu in cpus)
    print(f"\n### {isa}, {run([compiler, '--version']).splitlines()[0]}\n\nFMAs a cycle, by the model: {rates}.")
    print_table("product", products, loops, cpus, found)
    print_table("transform", transforms, loops, cpus, found)
    for cpu in cpus:
        good = sum(row.function in loops and found[cpu][0][row.function][1] >= 0.9 and not loops[row.function].spills
                   for row in products)
        print(f"\n{cpu}: {good} of {len(products)} product loops have 90% of the FMA pipes or more, and no spills.")
    return [{"isa": isa, "compiler": compiler, "cpu": cpu, "function": name, "instructions": len(loop.code),
             "fmas": loop.fmas, "spills": loop.spills, "cycles": found[cpu][0][name][0], "pipes": found[cpu][0][name][1]}
            for cpu in cpus for name, loop in loops.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isa", choices=sorted(ISAS), default="neon")
    parser.add_argument("--cpu", action="append", metavar="NAME", help="as llvm-mca names it; several are columns")
    parser.add_argument("--compiler", action="append", default=[], metavar="CC")
    parser.add_argument("--all", action="store_true", help="every tile, also those for the last few channels and pixels")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    try:
        mca, records = find_mca(), []
        print(f"llvm-mca: {re.search('version [^ ]+', run([mca, '--version']))[0].strip()}")
        for compiler in find_compilers(arguments.isa, arguments.compiler):
            records += report(mca, arguments.isa, compiler, arguments.cpu or ISAS[arguments.isa][3], arguments.all)
    except Missing as missing:
        print(f"inner_loops.py: {missing}", file=sys.stderr)
        return 3
    if arguments.json:
        with open(arguments.json + ".tmp", "w", encoding="utf-8") as file:
            json.dump(records, file, indent=1)
        os.replace(arguments.json + ".tmp", arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
