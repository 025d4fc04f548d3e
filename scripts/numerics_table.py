#!/usr/bin/env python3
"""numerics_table.py [--build FOLDER] [--isa NAME]...: the table of docs/numerics.md, measured here.

For every row of an ISA (default: each that can run): its c on a named problem, the worst error there on N(0,1) data as
a fraction of the bound, the fraction that the climb of test_bounds reaches on a small problem, and the relative L2
error beside that of direct convolution in float. FOLDER holds `lanewise` and `test_bounds` (default:
build-test/native, which `./dev test` makes). Needs Python 3 alone.
"""
import argparse
import json
import os
import re
import subprocess
import sys

IMAGE = "mb1_ic32ih14_oc64_kh3_ph1"
PROBLEMS = {  # operation: problems in order; a row is told of the first that it takes
    "conv": [IMAGE, "g32mb1_ic32ih14_oc32_kh3_ph1", "mb1_ic1ih28_oc32_kh3_ph1", "mb1_ic64ih28_oc64_kh1"],
    "linear": ["mb1_ic3136oc10"],
    "softmax": ["mb1_ic1000"],
    "maxpool": ["mb1_ic32ih28_kh2_sh2", "mb1_ic32ih28_kh3_sh2_ph1"],
    "relu": ["mb1_ic32ih14"],
}


def run(*command, **environment):
    result = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            check=False, text=True)
    if result.returncode not in (0, 77):
        sys.exit(f"numerics_table.py: {' '.join(command)}: exit status {result.returncode}")
    return result.stdout


def measured(tool, op, problem, isa):
    """Row -> (fraction of the bound, relative L2) on normal data."""
    text = run(tool, "check", "--format", "json", "--data", "normal", "--op", op, "--isa", isa, problem)
    return {r["kernel"]: (r["err_over_bound"], r["rel_l2"]) for r in json.loads(text)["results"]}


def bounds(tool, op, problem, isa):
    """Row -> c, in whichever layout the row takes."""
    found = {}
    for layout in ("blocked", "nchw"):
        text = run(tool, "explain", "--json", "--op", op, "--isa", isa, "--layout", layout, problem)
        found.update((c["kernel"], c["bound"]) for c in json.loads(text)["candidates"] if c["eligible"])
    return found


def reached(suite, isa):
    """Row -> what the climb reaches of its bound."""
    text = run(suite, "--verbose", LANEWISE_TEST_ISA=isa)
    return {row: 1 / float(part) for row, part in re.findall(r"(\S+): reaches 1/([0-9.]+) of its bound", text)}


def rows_of(tool, isa):
    rows = {}  # row: its c, problem, and what was measured
    for op, problems in PROBLEMS.items():
        for problem in problems:
            c = bounds(tool, op, problem, isa)
            for row, (fraction, error) in measured(tool, op, problem, isa).items():
                if f"_{isa}" in row:
                    rows.setdefault(row, (c[row], problem, fraction, error))
    return rows


def fraction_text(fraction):
    return f"1/{1 / fraction:,.{0 if fraction < 0.1 else 1}f}" if fraction else "exact"


def print_rows(tool, suite, isa):
    climbed, rows = reached(suite, isa), rows_of(tool, isa)
    direct = next(error for row, (_, problem, _, error) in rows.items() if "direct" in row and problem == IMAGE)
    for row, (c, problem, fraction, error) in rows.items():
        multiple = f"{error / direct:.2f}" if problem == IMAGE else "-"
        climb = fraction_text(climbed.get(row, 0))
        print(f"| {row} | {problem} | {c:,.{0 if c > 99 else 1}f} | "
              f"{fraction_text(fraction)} | {climb} | {error:.2e} | {multiple} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build-test/native", metavar="FOLDER")
    parser.add_argument("--isa", action="append", metavar="NAME")
    arguments = parser.parse_args()
    tool, suite = os.path.join(arguments.build, "lanewise"), os.path.join(arguments.build, "test_bounds")
    known = json.loads(run(tool, "info", "--json"))["isas"]
    isas = arguments.isa or [isa["name"] for isa in known if isa["usable"]]
    print("| row | on | c | N(0,1): of the bound | climb: of the bound | rel. L2 | / direct's |")
    print("|---|---|---|---|---|---|---|")
    for isa in isas:
        print_rows(tool, suite, isa)


main()
