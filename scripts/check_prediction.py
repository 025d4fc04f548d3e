#!/usr/bin/env python3
"""check_prediction.py [--lanewise FILE] [--cpu NAME] [--isa NAME] [--write] WISDOM: how well `lanewise pick --cpu` predicts.

WISDOM is what `lanewise tune --effort full --op conv -o WISDOM` measured on a CPU of that name: every row that takes a
problem is in it. Prints the rank correlation (Spearman) of predicted and measured times over all rows and problems, and
of the rows of one problem; and how much slower than the best the rows are that a prediction picks. So that it can be told
what the prediction owes to costs that were fitted on some CPU, the same with those taken away or made wrong.

--write: puts the last line into predict/checked.inc, which `pick` prints, beside those of other CPUs and ISAs. Exit status: 0 good (correlation of 0.85 or
more, picks within 15% of the best in geometric mean), 1 not, 2 bad usage or input. Needs Python 3 alone.
"""
import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys

from predict_cpus import CYCLES  # the units that cost llvm-mca's cycles as they are

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MEMORY = {"l2", "l3", "dram"}
VARIANTS = {  # what an overhead (all that isn't simulated or memory) and a byte are multiplied by
    "as predicted": (1, 1), "overheads and memory free": (0, 0), "overheads free": (0, 1), "memory free": (1, 0),
    "overheads halved": (0.5, 1), "overheads doubled": (2, 1), "memory doubled": (1, 2),
}


def ranks(values):
    """1 .. n; equal ones share the mean."""
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = [0.0] * len(values)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in range(i, j + 1):
            rank[order[k]] = (i + j) / 2 + 1
        i = j + 1
    return rank


def spearman(x, y):
    """0 where all of one side are equal, and so say nothing."""
    return statistics.correlation(ranks(x), ranks(y)) if len(set(x)) > 1 and len(set(y)) > 1 else 0.0


def read_wisdom(path):
    """[(options of explain, {row: ns})] of convolutions, and the CPU's kind."""
    decisions, kind = [], ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            row = re.match(r"^  (?:tie|slower) (\S+) ([\d.]+) ", line)
            head = re.match(r"^(\w+) (\S+) (\w+)>(\w+) (\S+) error=(\S+) .*: (\S+) ([\d.]+) ", line)
            if line.startswith("kind: "):
                kind = line[6:]
            elif row:
                decisions[-1][1][row[1]] = float(row[2])
            elif head:
                tail = head[5].split("+")
                options = ["--op", head[1], "--layout", f"{head[3]}:{head[4]}", "--max-error", head[6]]
                options += (["--relu"] if "relu" in tail else []) + (["--pool", "2x2"] if "pool2x2" in tail else [])
                options += [] if "bias" in tail else ["--no-bias"]
                decisions.append((options + [head[2]], {head[7]: float(head[8])}))
    return [d for d in decisions if d[0][1] == "conv"], kind


def explain(command, cpu, options):
    text = subprocess.run([command, "explain", "--json", "--cpu", cpu, *options], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    return json.loads(text)


def isa_of(kernel, costs):
    return next(isa for isa in costs if f"_{isa}" in kernel)


def predicted_ns(work, costs, overhead, memory):
    factor = {unit: 1 if unit in CYCLES else memory if unit in MEMORY else overhead for unit in costs}
    return sum(amount * costs[unit] * factor[unit] for unit, amount in work.items()) / costs["ghz"]


def judge(problems, overhead, memory):
    """Of [{row: (measured, work, costs)}]: correlations, and what picks cost."""
    measured, predicted, inner, losses = [], [], [], []
    for rows in problems:
        m = [ns for ns, _, _ in rows.values()]
        p = [predicted_ns(work, costs, overhead, memory) for _, work, costs in rows.values()]
        measured += m
        predicted += p
        if len(m) > 2:
            inner.append(spearman(m, p))
        losses.append(m[p.index(min(p))] / min(m))
    ratio = [b / a for a, b in zip(measured, predicted)]
    return {"correlation": spearman(measured, predicted), "within": statistics.mean(inner),
            "loss": math.exp(statistics.mean(map(math.log, losses))), "worst": max(losses),
            "good": sum(loss <= 1.15 for loss in losses) / len(losses), "ratio": statistics.median(ratio),
            "spread": math.exp(statistics.mean(abs(math.log(r / statistics.median(ratio))) for r in ratio)),
            "rows": len(measured)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wisdom")
    parser.add_argument("--lanewise", default=os.path.join(ROOT, "build", "lanewise"))
    parser.add_argument("--cpu", default="znver3")
    parser.add_argument("--isa", default="avx2", help="rows of this ISA alone")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    try:
        decisions, kind = read_wisdom(arguments.wisdom)
        problems = []
        for options, times in decisions:
            told = explain(arguments.lanewise, arguments.cpu, options)
            costs = told["prediction"]["costs"]
            work = {c["kernel"]: c["work"] for c in told["candidates"] if "work" in c}
            rows = {kernel: (ns, work[kernel], costs[isa_of(kernel, costs)]) for kernel, ns in times.items()
                    if kernel in work and isa_of(kernel, costs) == arguments.isa}
            if len(rows) > 1:
                problems.append(rows)
    except (OSError, subprocess.CalledProcessError, KeyError, IndexError, StopIteration) as error:
        print(f"check_prediction.py: {error!r}", file=sys.stderr)
        return 2
    if not problems:
        print(f"check_prediction.py: {arguments.wisdom}: no problem with two rows of {arguments.isa}", file=sys.stderr)
        return 2
    print("| costs | rank correlation, all | of a problem's rows | picks / best, mean | worst | within 15% | predicted / "
          "measured, median | and spread |\n|---|---|---|---|---|---|---|---|")
    found = {name: judge(problems, *factors) for name, factors in VARIANTS.items()}
    for name, f in found.items():
        print(f"| {name} | {f['correlation']:.3f} | {f['within']:.2f} | {f['loss']:.3f} | {f['worst']:.2f} | "
              f"{100 * f['good']:.0f}% | {f['ratio']:.2f} | {f['spread']:.2f} |")
    f = found["as predicted"]
    line = (f"checked on {arguments.cpu}, {arguments.isa}: rank correlation {f['correlation']:.2f} with {f['rows']} measured times "
            f"of {len(problems)} problems; picks {100 * (f['loss'] - 1):.1f}% slower than the best in geometric mean, "
            f"{100 * (f['worst'] - 1):.0f}% at most")
    print(f"\n{line} ({kind})")
    if arguments.write:
        path = os.path.join(ROOT, "predict", "checked.inc")
        with open(path, encoding="utf-8") as file:
            lines = re.findall(r'^"(.*)",$', file.read(), re.M)
        start = f"checked on {arguments.cpu}, {arguments.isa}:"
        lines = [old for old in lines if not old.startswith(start)] + [line]
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            file.write("/* Written by scripts/check_prediction.py --write. */\n" + "".join(f'"{text}",\n' for text in sorted(lines)))
        os.replace(path + ".tmp", path)
    return 0 if f["correlation"] >= 0.85 and f["loss"] <= 1.15 else 1


if __name__ == "__main__":
    sys.exit(main())
