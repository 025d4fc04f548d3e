#!/usr/bin/env python3
"""regret.py [--seed N]... [--count N] [--build FOLDER] [--data FILE]: what it costs to trust tune, or the estimate.

Draws problems from each seed (odd sizes, 3x3 and other kernels, strides, batch 1 and 8, all layouts), lets `lanewise tune` pick
a row for each, then times every row three times over (tune --effort exhaustive: interleaved, none leaves early), and
prints how much longer tune's pick and the estimate's take than the best. A row's time is the median of the three, each in
units of its run's best, as from run to run the clock and other machines' memory traffic change.
--data FILE keeps the times of a seed: what is there isn't timed again, so that another cost model can be tried on it.
Exit status: 1 when a pick of tune is more than 3% behind, fewer than 90% of the estimate's are within 15%, or one is
more than 40% behind. Needs Python 3 alone, and a quiet core.
"""
import argparse
import json
import math
import os
import statistics
import sys

import timed_rows

RUNS = 3
TUNE_WITHIN, ESTIMATE_WITHIN, ESTIMATE_SHARE, ESTIMATE_MOST = 1.03, 1.15, 0.9, 1.4


def measure(tool, seed, count):
    """{problem: {"tuned": row, "runs": [{row: ns}]}}"""
    problems = timed_rows.draw_problems(seed, count)
    found = {t["problem"]: {"tuned": t["chosen"], "runs": []} for t in timed_rows.tune_drawn(tool, "quick", problems)}
    for _ in range(RUNS):
        for t in timed_rows.tune_drawn(tool, "exhaustive", problems):
            found[t["problem"]]["runs"].append({row["kernel"]: row["ns"] for row in t["rows"]})
    return found


def estimated(tool, problem):
    told = timed_rows.explain(tool, problem)
    if told["rule"] != "estimated":
        sys.exit(f"regret.py: {problem}: the pick is by {told['rule']}, not estimated")
    return told["chosen"]


def judge(tool, found):
    """[(tune's ratio, the estimate's ratio, problem, best row, tune's, the estimate's)]"""
    ratios = []
    for problem, f in found.items():
        time = {row: statistics.median(run[row] / min(run.values()) for run in f["runs"]) for row in f["runs"][0]}
        best, guess = min(time, key=time.get), estimated(tool, problem)
        ratios.append((time[f["tuned"]] / time[best], time[guess] / time[best], problem, best, f["tuned"], guess))
    return ratios


def tell(name, ratios):
    """Are the promises kept?"""
    kept = True
    for who, column, within, share, most in (("tune", 0, TUNE_WITHIN, 1.0, TUNE_WITHIN),
                                             ("estimate", 1, ESTIMATE_WITHIN, ESTIMATE_SHARE, ESTIMATE_MOST)):
        values = [r[column] for r in ratios]
        good, worst = sum(v <= within for v in values), max(values)
        mean = math.exp(statistics.fmean(math.log(v) for v in values))
        ok = good >= share * len(values) and worst <= most
        print(f"{name}: {who}: {good} of {len(values)} within {100 * (within - 1):.0f}%, {worst:.3f} at most, {mean:.3f} "
              f"in geometric mean: {'good' if ok else 'NOT GOOD'}")
        kept = kept and ok
        for r in sorted(ratios, key=lambda r: -r[column]):
            if r[column] > within:
                print(f"  {r[column]:.3f} {r[2]}: {r[4 + column]}, best {r[3]}")
    return kept


def load(path):
    if not path or not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--build", default="build")
    parser.add_argument("--data")
    o = parser.parse_args()
    tool, data, kept, everything = os.path.join(o.build, "lanewise"), load(o.data), True, []
    for seed in o.seed or [1]:
        key = f"{seed} {o.count}"
        if key not in data:
            data[key] = measure(tool, seed, o.count)
            if o.data:
                timed_rows.write_text(o.data, json.dumps(data, indent=0))
        ratios = judge(tool, data[key])
        everything += ratios
        kept = tell(f"seed {seed}", ratios) and kept
    if len(o.seed or []) > 1:
        tell("all", everything)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
