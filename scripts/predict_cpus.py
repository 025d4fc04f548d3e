#!/usr/bin/env python3
"""predict_cpus.py [-o FILE] [--check] [--cpu NAME]...: writes predict/cpus.inc, what `lanewise pick --cpu` knows of CPUs.

kernels/ISA/kernels.c is compiled to assembly by the command of the build (not tuned for a CPU: that's the code which all
of them run), and for each CPU below the inner loops of the rows are simulated by llvm-mca's model of it
(bench/inner_loops.py tells how). What a loop takes, by
what it would take on the cost model's reference core (kernels/work.h), is the cost of a unit of that loop's work. Caches,
clocks and bandwidths are the vendors' figures, named beside each.

--check: compares with the file instead of writing it. Needs clang-19, llvm-mca-19 and, on x86, the cross build of
bench/inner_loops.py. docs/picking.md tells the method. Exit status: 0 good, 1 differs, 2 bad usage, 3 a tool is missing.
"""
import argparse
import functools
import os
import re
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))
import asm_loops  # noqa: E402
import inner_loops  # noqa: E402

CORE_GBS = 17.0  # GB/s that one core can draw at most: 24 lines of 64 bytes under way, 90 ns each
KB, MB = 1 << 10, 1 << 20


def intel(*models):
    return [(f"x86 GenuineIntel family 6 model {model}", -1, -1) for model in models]


def amd(family, *ranges):
    return [(f"x86 AuthenticAMD family {family} model ", first, last) for first, last in ranges]


def arm(part, implementer="0x41"):
    return [(f"arm implementer {implementer} part {part}", -1, -1)]


# name: what it is; kinds (lw_cpu_info.kind, a range of models where there is one); clock of each ISA, the preferred ISA
# first, with the model that llvm-mca takes (own: the CPU's); bytes of L1, L2, L3 that one core reaches; bytes a cycle
# that L2 and L3 give to one core; GB/s of the memory channels; where the figures are from, and what is not the CPU's own.
CPUS = {
    "haswell": dict(
        about="Intel Haswell", kinds=intel(60, 63, 69, 70), isas={"avx2": (3.4, "own")}, sizes=(32 * KB, 256 * KB, 8 * MB),
        l2=64, l3=32, dram=25.6, source="Core i7-4770 (Intel ARK); Intel optimization manual, Haswell's caches"),
    "skylake-avx512": dict(
        about="Intel Skylake and Cascade Lake Xeon", kinds=intel(85),
        isas={"avx512": (2.2, "own"), "avx2": (2.6, "own")}, sizes=(32 * KB, 1 * MB, 27.5 * MB), l2=64, l3=16, dram=128,
        source="Xeon Gold 6148, all-core turbo of AVX-512 and AVX2 (Intel specification update); Intel optimization manual"),
    "icelake-server": dict(
        about="Intel Ice Lake Xeon", kinds=intel(106, 108), isas={"avx512": (2.6, "skylake-avx512"), "avx2": (2.9, "own")},
        sizes=(48 * KB, 1.25 * MB, 32 * MB), l2=64, l3=16, dram=204.8,
        source="Xeon Platinum 8380 (Intel ARK), its clocks approximate; AVX-512 by skylake-avx512's model, which has both "
               "multiply-add units"),
    "sapphirerapids": dict(
        about="Intel Sapphire Rapids Xeon", kinds=intel(143, 207),
        isas={"avx512": (2.8, "skylake-avx512"), "avx2": (3.0, "own")}, sizes=(48 * KB, 2 * MB, 32 * MB), l2=64, l3=16,
        dram=307.2, source="Xeon Platinum 8480+ (Intel ARK), its clocks approximate; AVX-512 by skylake-avx512's model, "
                           "which has both multiply-add units"),
    "znver2": dict(
        about="AMD Zen 2", kinds=amd(23, (48, 63), (96, 127), (144, 175)), isas={"avx2": (3.3, "own")},
        sizes=(32 * KB, 512 * KB, 16 * MB), l2=32, l3=32, dram=204.8,
        source="EPYC 7742 (AMD), AMD software optimization guide 56305"),
    "znver3": dict(
        about="AMD Zen 3", kinds=amd(25, (0, 15), (32, 95)), isas={"avx2": (3.5, "own")},
        sizes=(32 * KB, 512 * KB, 32 * MB), l2=32, l3=32, dram=204.8,
        source="EPYC 7763 (AMD), AMD software optimization guide 56665"),
    "znver4": dict(
        about="AMD Zen 4", kinds=amd(25, (16, 31), (96, 127), (160, 175)),
        isas={"avx512": (3.7, "own"), "avx2": (3.7, "own")}, sizes=(32 * KB, 1 * MB, 32 * MB), l2=32, l3=32, dram=460.8,
        source="EPYC 9654 (AMD), AMD software optimization guide 57647; broadcasts from memory to 512 bits taken as plain "
               "loads, not as LLVM's model has them", plain_broadcasts=True),
    "znver5": dict(
        about="AMD Zen 5", kinds=amd(26, (0, 119)), isas={"avx512": (4.0, "skylake-avx512"), "avx2": (4.0, "znver4")},
        sizes=(48 * KB, 1 * MB, 32 * MB), l2=64, l3=32, dram=576,
        source="EPYC 9755 (AMD), AMD software optimization guide 58455; AVX2 by znver4's model, AVX-512 by "
               "skylake-avx512's, whose two pipes of 512 bits are nearer than znver4's one: LLVM 19 has no own one"),
    "neoverse-n1": dict(
        about="Arm Neoverse N1", kinds=arm("0xd0c"), isas={"neon": (2.5, "own")}, sizes=(64 * KB, 1 * MB, 32 * MB), l2=32,
        l3=32, dram=204.8, source="AWS Graviton2 (Amazon), Neoverse N1 reference manual; bandwidths approximate"),
    "neoverse-n2": dict(
        about="Arm Neoverse N2", kinds=arm("0xd49"), isas={"neon": (2.75, "own")}, sizes=(64 * KB, 1 * MB, 32 * MB), l2=64,
        l3=32, dram=307.2, source="Alibaba Yitian 710, Neoverse N2 reference manual; bandwidths approximate"),
    "neoverse-v1": dict(
        about="Arm Neoverse V1", kinds=arm("0xd40"), isas={"neon": (2.6, "own")}, sizes=(64 * KB, 1 * MB, 32 * MB), l2=64,
        l3=32, dram=307.2, source="AWS Graviton3 (Amazon), Neoverse V1 reference manual; bandwidths approximate"),
    "neoverse-v2": dict(
        about="Arm Neoverse V2", kinds=arm("0xd4f"), isas={"neon": (2.8, "own")}, sizes=(64 * KB, 2 * MB, 36 * MB), l2=64,
        l3=32, dram=537.6, source="AWS Graviton4 (Amazon), Neoverse V2 reference manual; bandwidths approximate"),
    "cortex-a72": dict(
        about="Arm Cortex-A72", kinds=arm("0xd08"), isas={"neon": (1.5, "own")}, sizes=(32 * KB, 1 * MB, 0), l2=16, l3=16,
        dram=12.8, source="Raspberry Pi 4 (Raspberry Pi), Cortex-A72 reference manual; LLVM's model is the Cortex-A57's; "
                          "bandwidths approximate"),
    "cortex-a76": dict(
        about="Arm Cortex-A76", kinds=arm("0xd0b"), isas={"neon": (2.4, "neoverse-n1")}, sizes=(64 * KB, 512 * KB, 2 * MB),
        l2=32, l3=32, dram=17.1, source="Raspberry Pi 5 (Raspberry Pi), Cortex-A76 reference manual; neoverse-n1's model, "
                                        "which is that core for servers: LLVM has the Cortex-A57's; bandwidths approximate"),
    "apple-m1": dict(
        about="Apple M1, its performance cores", kinds=arm("0x022", "0x61") + arm("0x023", "0x61"),
        isas={"neon": (3.2, "neoverse-v1")}, sizes=(128 * KB, 12 * MB, 0), l2=64, l3=32, dram=68.2,
        source="Apple; neoverse-v1's model with its four pipes of four cycles: LLVM's is of 2013; bandwidths approximate"),
}

# Unit: the functions whose loops stand for it. Of `times` loops the cost model knows more than the loop (what is around
# it): there the ISA's own cost is multiplied.
CYCLES = {
    "direct": r"conv_tile_blocked1_{pixels}x{vectors}",
    "planes": r"conv_tile_planes1_{pixels}x{vectors}",
    "patch": r"patch_PATCH_(POOL_FINITE|TWO_ROWS)_4x\d_[01]",
    "line": r"line_PATCH_(POOL_FINITE|TWO_ROWS)_[01]",
    "gemm": r"wino_gemm_{tiles}x{wide}",
    "depthwise": r"depthwise_[35]s[12]_[48]",
    "depthwise_plane": r"depthwise_plane_3s1",
    "linear": r"linear_tile_1x5",
}
LOADS = {"line"}  # of these, the cost model counts loads where they are more than the arithmetic
TIMES = {
    "wino_in": r"wino_f[46]_input_(columns|rows)_\d",
    "wino_out": r"wino_f[46]_output_(rows|columns)_\d",
}
# The CPU, and its ISA, that an ISA's costs were fitted on (kernels/ISA/costs.h), or derived from: what is the ISA's own cost
# is multiplied by what the CPU does beside that one.
FITTED = {"avx512": ("znver5", "avx512"), "avx2": ("znver3", "avx2"), "neon": ("znver3", "avx2")}

BROADCAST = re.compile(r"^vbroadcastss\s+(\S*\(.*\), %zmm\d+)$")
LOAD = re.compile(r"^(?:ldr|ldur|ld1r?|vmov[au]ps\s+-?\w*\(|vbroadcastss\s+-?\w*\()|^v\w+\s+-?\w*\(")
PAIR, STORE = re.compile(r"^ldp"), re.compile(r"^(?:str|stur|st1|stp)\b|^vmov\w+\s+%\w+, .*\)$|^vmov\w+\s+%\w+, -?\w*\(")


def reference_cycles(loop):
    """On the reference core: two pipes, two loads and a store a cycle."""
    loads = sum(bool(LOAD.match(line)) + 2 * bool(PAIR.match(line)) for line in loop.code)
    stores = sum((2 if line.startswith("stp") else 1) for line in loop.code if STORE.match(line))
    return max(len(loop.arithmetic) / 2, loads / 2, stores)


@functools.cache
def loops_of(isa):
    """(unit, function) -> Loop of the ISA's kernels. A unit without a loop that can be followed is left to the ISA's cost."""
    functions = asm_loops.read_functions(inner_loops.assembly(isa, "clang-19"))
    tile = inner_loops.tile_sizes(isa)
    vectors = tile["DIRECT_VECTORS"]
    names = dict(pixels=tile[f"DIRECT_PIXELS_{vectors}"], vectors=vectors, tiles=tile["WINO_TILES"],
                 wide=tile["WINO_VECTORS"])
    trips = {row.function: row.trips for table in inner_loops.rows(isa, False) for row in table}
    found = {}
    for unit, pattern in {**CYCLES, **TIMES}.items():
        pattern = pattern.replace("{pixels}", str(names["pixels"])).replace("{vectors}", str(names["vectors"]))
        pattern = pattern.replace("{tiles}", str(names["tiles"])).replace("{wide}", str(names["wide"]))
        for function in sorted(functions):
            if re.fullmatch(pattern, function):
                loop = asm_loops.hot_loop(functions[function], trips.get(function))
                if loop:
                    found[unit, function] = loop
        if not any(u == unit for u, _ in found):
            print(f"predict_cpus.py: {isa}: no loop of {unit} found ({pattern})", file=sys.stderr)
    return found


def model_of(isa, cpu):
    model = CPUS[cpu]["isas"][isa][1]
    return cpu if model == "own" else model


def bytes_a_cycle(isa, cpu):
    c = CPUS[cpu]
    return dict(l2=c["l2"], l3=c["l3"], dram=min(c["dram"], CORE_GBS) / c["isas"][isa][0])


@functools.cache
def costs_of(isa, cpu, mca):
    """Unit -> cycles a unit by the model of a CPU: the median of its loops."""
    model = model_of(isa, cpu)
    loops = loops_of(isa)
    code = {function: loop.code for (_, function), loop in loops.items()}
    if CPUS[cpu].get("plain_broadcasts"):
        code = {name: [BROADCAST.sub(r"vmovups \1", line) for line in lines] for name, lines in code.items()}
    cycles = inner_loops.simulate(mca, isa, model, code)
    costs = {}
    for (unit, function), loop in loops.items():
        ideal = reference_cycles(loop) if unit in TIMES or unit in LOADS else len(loop.arithmetic) / 2
        costs.setdefault(unit, []).append(cycles[function] / ideal)
    print(f"{cpu} {isa}: {', '.join(f'{u} {statistics.median(c):.2f}' for u, c in costs.items())}", file=sys.stderr)
    return {unit: statistics.median(values) for unit, values in costs.items()}


# ---- the table ------------------------------------------------------------------------------------------------------


def unit_list(units):
    return ", ".join(f"[LW_WORK_{name}] = {value:.3g}" for name, value in units.items())


def isa_text(isa, cpu, mca):
    ghz = CPUS[cpu]["isas"][isa][0]
    fitted_cpu, fitted_isa = FITTED[isa]
    simulated, fitted = costs_of(isa, cpu, mca), costs_of(fitted_isa, fitted_cpu, mca)
    own, other = bytes_a_cycle(isa, cpu), bytes_a_cycle(fitted_isa, fitted_cpu)
    times = {unit: simulated[unit] / fitted[unit] for unit in TIMES if unit in simulated}
    times.update({level: other[level] / own[level] for level in own})
    return (f'        {{.isa = "{isa}", .model = "{model_of(isa, cpu)}", .ghz = {ghz:g},\n'
            f"         .cycles = {{{unit_list({unit: simulated[unit] for unit in CYCLES if unit in simulated})}}},\n"
            f"         .times = {{{unit_list(times)}}}}},\n")


def cpu_text(name, cpu, mca):
    kinds = "".join(f'{{"{prefix}", {first}, {last}}}, ' for prefix, first, last in cpu["kinds"])
    text = (f'{{.name = "{name}",\n    .about = "{cpu["about"]}",\n    .source = "{cpu["source"]}",\n'
            f"    .kinds = {{{kinds[:-2]}}},\n"
            f"    .caches = {{{', '.join(f'{size:g}' if size % 1 else str(int(size)) for size in cpu['sizes'])}}},\n"
            "    .isas = {\n")
    return text + "".join(isa_text(isa, name, mca) for isa in cpu["isas"]) + "    }},\n"


def table(names):
    mca = inner_loops.find_mca()
    version = re.search(r"version ([^ \n]+)", inner_loops.run([mca, "--version"]))[1]
    clang = re.search(r"version ([^ \n]+)", inner_loops.run(["clang-19", "--version"]))[1]
    text = (f"/* Written by scripts/predict_cpus.py (llvm-mca {version}, clang {clang}): don't edit. docs/picking.md tells\n"
            " * what the figures mean. */\n/* clang-format off */\n")
    return text + "".join(cpu_text(name, CPUS[name], mca) for name in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", default=os.path.join(ROOT, "predict", "cpus.inc"))
    parser.add_argument("--check", action="store_true", help="compare with the file")
    parser.add_argument("--cpu", action="append", choices=CPUS, help="this CPU's lines alone, to standard output")
    arguments = parser.parse_args()
    try:
        text = table(arguments.cpu or CPUS)
    except (inner_loops.Missing, FileNotFoundError) as missing:
        print(f"predict_cpus.py: {missing}", file=sys.stderr)
        return 3
    if arguments.cpu:
        print(text, end="")
        return 0
    if arguments.check:
        with open(arguments.out, encoding="utf-8") as file:
            same = file.read() == text
        print(f"{arguments.out}: {'the same' if same else 'differs'}")
        return 0 if same else 1
    with open(arguments.out + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(arguments.out + ".tmp", arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
