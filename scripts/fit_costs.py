#!/usr/bin/env python3
"""fit_costs.py gather|fit|check [--build FOLDER] [--data FILE] [--isa NAME]: the constants of the cost model (docs/cost-model.md).

  gather   times every row on odd problems drawn from a seed and on the matrix's, and writes the times to FILE
           (default: FOLDER/costs.json). --seconds N stops after so long; the same command goes on where it was.
  fit      fits what a unit of work costs on this CPU, and writes kernels/ISA/costs.h: for the ISAs that it can run from
           their times; for the others derived from the widest of those. --isa NAME (repeatable): these alone, from their own
           times; another CPU has fitted the rest.
  check    prints the error of the costs that are compiled in, on FILE's problems.

The fit is non-negative least squares on relative errors with Huber's weights. Needs Python 3 alone, and a quiet core.
"""
import argparse
import json
import math
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
import timed_rows  # noqa: E402

KERNELS = os.path.join(HERE, "..", "kernels")
SHAPES = os.path.join(HERE, "..", "bench", "shapes")
SEED, DRAWN, CHUNK = 20, 480, 24

# What a unit may be expected to cost, in cycles: where the data say nothing it stays so.
EXPECTED = {"call": 100, "task": 200, "tile": 25, "tap": 4, "product": 30, "wino_tile": 60, "row": 20, "masked": 10, "gather": 2, "store": 2, "copy": 2, "transpose": 4, "plane_line": 0.7, "l2": 0.02, "l3": 0.05, "dram": 0.15}
for loop in ("direct planes patch line gemm wino_in wino_out depthwise depthwise_any depthwise_plane pool pool_any linear map").split():
    EXPECTED[loop] = 1.2
MEMORY = ["l2", "l3", "dram"]
PRIOR = 1e-4  # the weight of that, beside a problem's
ALONE = 0.3   # of a row's own error, beside that of its ratio to the problem's other rows
HUBER, ROUNDS = 0.15, 12  # errors above this count less

# ---- gathering ------------------------------------------------------------------------------------------------


def clock(tool):
    """GHz: from the multiply-add peak of two pipes."""
    best = 0
    for _ in range(3):
        isas = json.loads(timed_rows.run(tool, "info", "--json"))["isas"]
        best = max(best, max(i["peak_gflops"] / (4 * i["lanes"]) for i in isas if i["usable"] and i["lanes"] > 1))
    return round(best, 2)


def machine(tool):
    info = json.loads(timed_rows.run(tool, "info", "--json"))
    wisdom = timed_rows.wisdom_head(tool)
    caches = [m["cache_bytes"] for m in info["memory"] if "cache_bytes" in m and m["level"] in ("L1", "L2", "L3")]
    caches[-1] //= 2  # others' data are in the last one too
    usable = [i for i in info["isas"] if i["usable"]]
    return {"kind": wisdom["kind"], "compiler": wisdom["compiler"], "caches": caches,
            "isas": [i["name"] for i in info["isas"]], "usable": [i["name"] for i in usable],
            "lanes": {i["name"]: i["lanes"] for i in info["isas"]},
            "ghz": clock(tool), "done": [], "timed": []}


def chunks():
    """(name, how to time it): drawn problems, then the matrix's sets."""
    drawn = timed_rows.draw_problems(SEED, DRAWN)
    for at in range(0, DRAWN, CHUNK):
        some = drawn[at:at + CHUNK]
        yield f"seed {SEED}, {at} on", lambda tool, some=some: timed_rows.tune_drawn(tool, "full", some)
    for file in sorted(os.listdir(SHAPES)):
        name = file.removesuffix(".txt")
        yield name, lambda tool, name=name: timed_rows.tune(tool, "full", "--set", name)


def gather(o):
    data = machine(o.tool)
    if os.path.exists(o.data):
        with open(o.data, encoding="utf-8") as file:
            data = json.load(file)
    start = time.monotonic()
    for name, measure in chunks():
        if name in data["done"]:
            continue
        if o.seconds and time.monotonic() - start > o.seconds:
            print("not all yet: the same command goes on")
            return
        for found in measure(o.tool):
            rows = {row["kernel"]: row["ns"] for row in found["rows"]}
            data["timed"].append({"set": name, "problem": found["problem"], "rows": rows})
        data["done"].append(name)
        timed_rows.write_text(o.data, json.dumps(data, indent=0))
        print(f"{name}: {len(data['timed'])} problems", flush=True)


# ---- what was timed, and what the model says ------------------------------------------------------------------


def isa_of(kernel, isas):
    return next(isa for isa in isas if f"_{isa}" in kernel)


def load(o):
    """The machine, and its timed problems: {set, rows: {kernel: (ns, isa, work, estimate)}}."""
    with open(o.data, encoding="utf-8") as file:
        data = json.load(file)
    problems = []
    for timed in data["timed"]:
        told = timed_rows.explain(o.tool, timed["problem"])["candidates"]
        rows = {c["kernel"]: (timed["rows"][c["kernel"]], isa_of(c["kernel"], data["isas"]), c["work"], c["ns"])
                for c in told if c["eligible"] and c["kernel"] in timed["rows"]}
        problems.append({"set": timed["set"], "problem": timed["problem"], "rows": rows})
    return data, problems


def units_of(tool):
    """Every unit in the header's order."""
    with open(os.path.join(KERNELS, "work.h"), encoding="utf-8") as file:
        return re.findall(r"^ +X\((\w+), ", file.read(), re.M)


# ---- least squares --------------------------------------------------------------------------------------------


def solve_non_negative(matrix, vector):
    """x >= 0 that minimises x'Mx - 2v'x: coordinate descent, from the ends of a good start."""
    n = len(vector)
    x = [0.0] * n
    for _ in range(3000):
        moved = 0.0
        for i in range(n):
            row = matrix[i]
            if row[i] <= 0:
                continue
            new = max(0.0, x[i] + (vector[i] - sum(row[k] * x[k] for k in range(n))) / row[i])
            moved = max(moved, abs(new - x[i]))
            x[i] = new
        if moved < 1e-7:
            break
    return x


def fit_isa(problems, isa, units, ghz, known=None):
    """Costs {unit: cycles} of an ISA's rows: scaled by the expected costs, so that all unknowns are near 1. known: those that
    are to stay so."""
    known = known or {}
    expected = {**EXPECTED, **known}
    groups = []  # of a problem: [(what each unit would add to estimate / time, closeness to the best)]
    for p in problems:
        rows = [(ns, work) for ns, row_isa, work, _ in p["rows"].values() if row_isa == isa]
        if not rows:
            continue
        best = min(ns for ns, _ in rows)
        groups.append([([work.get(u, 0) * expected[u] / (ghz * ns) for u in units], best / ns) for ns, work in rows])
    n, x = len(units), [1.0] * len(units)
    prior = [len(groups) * (1e6 if u in known else PRIOR) for u in units]
    for _ in range(ROUNDS):
        matrix = [[prior[i] * (i == k) for k in range(n)] for i in range(n)]
        vector = list(prior)

        def add(a, b, weight):
            used = [i for i in range(n) if a[i] != 0]
            for i in used:
                vector[i] += weight * a[i] * b
                for k in used:
                    matrix[i][k] += weight * a[i] * a[k]

        for group in groups:
            scaled, logs, weights = [], [], []
            for a, closeness in group:  # an error of the logarithm is one of the estimate over the last estimate
                ratio = max(1e-3, sum(c * v for c, v in zip(x, a)))
                error = math.log(ratio)
                scaled.append([v / ratio for v in a])
                logs.append(1 - error)
                weights.append(closeness ** 2 * min(1.0, HUBER / max(abs(error), 1e-9)))
            total = sum(weights)
            mean = [sum(w * a[i] for a, w in zip(scaled, weights)) / total for i in range(n)]
            mean_log = sum(w * b for b, w in zip(logs, weights)) / total
            for a, b, w in zip(scaled, logs, weights):
                add(a, b, w * ALONE)
                add([v - m for v, m in zip(a, mean)], b - mean_log, w)  # what decides which row is picked
        x = solve_non_negative(matrix, vector)
    return {u: c * expected[u] for u, c in zip(units, x)}


def fit_all(problems, units, data, isas):
    """{isa: costs}, the widest first; memory is the same to all."""
    costs, memory = {}, None
    for isa in isas:
        costs[isa] = fit_isa(problems, isa, units, data["ghz"], memory)
        memory = memory or {u: costs[isa][u] for u in MEMORY}
    return costs


# ---- how good they are ----------------------------------------------------------------------------------------


def estimate(row, costs, ghz):
    _, isa, work, compiled_in = row
    return compiled_in if costs is None or isa not in costs else sum(costs[isa][u] * count for u, count in work.items()) / ghz


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def errors(problems, isa, costs, ghz):
    return [abs(math.log(estimate(row, costs, ghz) / row[0]))
            for p in problems for row in p["rows"].values() if row[1] == isa]


def regrets(problems, costs, ghz):
    """[(time of the pick by estimate over the best time, problem, pick, best)]."""
    found = []
    for p in problems:
        pick = min(p["rows"], key=lambda k: estimate(p["rows"][k], costs, ghz))
        best = min(p["rows"], key=lambda k: p["rows"][k][0])
        found.append((p["rows"][pick][0] / p["rows"][best][0], p["problem"], pick, best))
    return sorted(found, reverse=True)


def tell(title, problems, costs, data, worst=0):
    print(f"{title}: {len(problems)} problems")
    for isa in data["usable"]:
        e = errors(problems, isa, costs, data["ghz"])
        if e:
            print(f"  {isa}: {len(e)} times, off by {math.exp(sum(e) / len(e)):.3f} in geometric mean, "
                  f"{math.exp(quantile(e, 0.9)):.2f} at most for 90%")
    r = regrets(problems, costs, data["ghz"])
    mean = math.exp(sum(math.log(x[0]) for x in r) / len(r))
    within = sum(x[0] <= 1.15 for x in r) / len(r)
    print(f"  picks: {mean:.3f} times the best in geometric mean, {100 * within:.1f}% within 1.15, {r[0][0]:.2f} at most")
    for x in r[:worst]:
        print(f"    {x[0]:.2f} {x[1]}: {x[2]}, best {x[3]}")


# ---- the header -----------------------------------------------------------------------------------------------


def derived(costs, lanes, from_lanes):
    """Of another ISA: loops are in its own ideal cycles, and bytes are bytes; a vector more to transpose is a step more."""
    scale = math.log2(lanes) / math.log2(from_lanes) if lanes > 1 else 1
    return {u: c * (scale if u == "transpose" else 1) for u, c in costs.items()}


def place(isa, data):
    """AVX2 beside AVX-512 has costs of its own: those CPUs are others."""
    return "costs_with_avx512" if isa == "avx2" and "avx512" in data["usable"] else "costs"


def header(isa, of, source, error, costs, data):
    lines = "".join(f"            [LW_WORK_{u}] = {c:.4g},\n" for u, c in costs.items())
    caches = ", ".join(str(c) for c in data["caches"])
    return (f"/* What the units of work cost on {isa}, in cycles: written by scripts/fit_costs.py (docs/cost-model.md).\n"
            f" * {len(error)} times of {of}, off by {math.exp(sum(error) / len(error)):.2f} in geometric mean. */\n"
            f'/* clang-format off */\n#include "work.h"\n\nstatic const struct lw_costs {place(isa, data)} = {{\n    .source = "{source}",\n'
            f"    .ghz = {data['ghz']},\n    .caches = {{{caches}}},\n    .unit =\n        {{\n{lines}        }},\n}};\n")


def fit(o):
    data, problems = load(o)
    units = units_of(o.tool)
    held = [p for i, p in enumerate(problems) if i % 5 == 4]
    rest = [p for i, p in enumerate(problems) if i % 5 != 4]
    isas = [isa for isa in data["usable"] if not o.isa or isa in o.isa]
    some = fit_all(rest, units, data, isas)
    tell("fitted on four in five", rest, some, data)
    tell("held out", held, some, data, 10)
    costs = fit_all(problems, units, data, isas)
    tell("fitted on all", problems, costs, data, o.worst)
    for u in units:
        print(f"  {u:16}", *(f"{isa} {c[u]:9.4g}" for isa, c in costs.items()))
    if o.dry:
        return
    widest = data["usable"][0]
    for isa in o.isa or dict.fromkeys(data["isas"] + ["neon"]):
        error = errors(problems, isa if isa in costs else widest, costs, data["ghz"])
        source = f'fitted on {data["kind"]}, {data["compiler"].split(" -")[0]}'
        if isa in costs:
            text = header(isa, isa, source, error, costs[isa], data)
        else:
            text = header(isa, widest, f"derived from {widest}, {source}", error,
                          derived(costs[widest], data["lanes"].get(isa, 4), data["lanes"][widest]), data)
        timed_rows.write_text(os.path.join(KERNELS, isa, place(isa, data) + ".h"), text)


def check(o):
    data, problems = load(o)
    tell("as compiled in", problems, None, data, o.worst)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["gather", "fit", "check"])
    parser.add_argument("--build", default="build")
    parser.add_argument("--data")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--worst", type=int, default=10, help="picks to print")
    parser.add_argument("--isa", action="append", help="fit: write this one's costs alone")
    parser.add_argument("--dry", action="store_true", help="fit: write nothing")
    o = parser.parse_args()
    o.tool = os.path.join(o.build, "lanewise")
    o.data = o.data or os.path.join(o.build, "costs.json")
    {"gather": gather, "fit": fit, "check": check}[o.what](o)


if __name__ == "__main__":
    main()
