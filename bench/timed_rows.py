"""What fit_costs.py and regret.py share: odd problems drawn from a seed, rows timed by `lanewise tune`, and what the cost
model says of them (`lanewise explain --json`).
"""
import json
import math
import os
import random
import subprocess
import sys
import tempfile

LAYOUTS = ["nchw", "blocked", "nhwc", "nchw:blocked", "blocked:nchw"]
TAILS = ["none", "relu", "relu", "relu+pool2x2"]
# (height, width, stride) of kernels, and how often
WINDOWS = [((3, 3, 1), 10), ((1, 1, 1), 3), ((5, 5, 1), 3), ((3, 3, 2), 3), ((7, 7, 1), 1), ((2, 2, 1), 1), ((1, 3, 1), 1),
           ((3, 3, 3), 1), ((5, 5, 2), 1), ((7, 7, 2), 1), ((1, 1, 2), 1)]
MOST_MACS = 60e6  # the scalar rows are timed too


def run(tool, *arguments):
    result = subprocess.run([tool, *arguments], env={**os.environ, "XDG_CONFIG_HOME": "/nowhere"}, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, check=False, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join([tool, *arguments])}: exit status {result.returncode}\n{result.stderr}")
    return result.stdout


def write_text(path, text):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


# ---- problems -----------------------------------------------------------------------------------------------


def log_uniform(draw, low, high):
    return round(math.exp(draw.uniform(math.log(low), math.log(high))))


def draw_problem(draw):
    """(layout, tail, problem string) of a convolution."""
    kh, kw, stride = draw.choices([w for w, _ in WINDOWS], [n for _, n in WINDOWS])[0]
    batch = draw.choice([1, 1, 8])
    while True:
        ic, oc = log_uniform(draw, 1, 256), log_uniform(draw, 4, 256)
        ih, groups = log_uniform(draw, 7, 112), 1
        iw = ih if draw.random() < 0.7 else log_uniform(draw, 7, 112)
        if draw.random() < 0.08:
            groups = oc = ic
        elif draw.random() < 0.04:
            groups, ic, oc = 2, ic * 2, oc * 2
        ph, pw = (kh // 2, kw // 2) if draw.random() < 0.8 else (0, 0)
        oh, ow = (ih + 2 * ph - kh) // stride + 1, (iw + 2 * pw - kw) // stride + 1
        macs = batch * oh * ow * kh * kw * (ic // groups) * oc
        if 2e4 < macs < MOST_MACS and oh > 1 and ow > 1 and batch * max(ic * ih * iw, oc * oh * ow) < 4e6:
            break
    text = (f"mb{batch}_g{groups}ic{ic}ih{ih}iw{iw}_oc{oc}oh{oh}ow{ow}_kh{kh}kw{kw}_sh{stride}sw{stride}_ph{ph}pw{pw}")
    return draw.choice(LAYOUTS), draw.choice(TAILS), text


def draw_problems(seed, count):
    draw = random.Random(seed)
    return [draw_problem(draw) for _ in range(count)]


# ---- times --------------------------------------------------------------------------------------------------


def tune(tool, effort, *arguments):
    """[tune's account of a problem]: rows best first, each with its ns."""
    with tempfile.TemporaryDirectory() as folder:
        wisdom = os.path.join(folder, "wisdom")
        return json.loads(run(tool, "tune", "--json", "--effort", effort, "-o", wisdom, *arguments))["problems"]


def wisdom_head(tool):
    """What a wisdom file says of the machine: {"cpu": ..., "kind": ..., "compiler": ...}."""
    with tempfile.TemporaryDirectory() as folder:
        wisdom = os.path.join(folder, "wisdom")
        run(tool, "tune", "--layout", "nchw", "-o", wisdom, "mb1_ic8ih8_oc8_kh3_ph1")
        with open(wisdom, encoding="utf-8") as file:
            head = file.read().split("\n\n")[0]
    return dict(line.split(": ", 1) for line in head.split("\n")[1:])


def tune_drawn(tool, effort, problems):
    """The same for drawn problems, by layout."""
    found = []
    for layout in LAYOUTS:
        lines = [f"--tail={tail}\n{text}\n" for l, tail, text in problems if l == layout]
        if not lines:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".conv.txt") as batch:
            batch.write("".join(lines))
            batch.flush()
            found += tune(tool, effort, "--layout", layout, "--batch", batch.name)
    return found


# ---- the cost model -----------------------------------------------------------------------------------------


def explain(tool, problem):
    """`explain` of a problem as tune and wisdom name it ('conv mb1... nchw>nchw bias+relu'), by the cost model alone."""
    op, text, layouts, tail = problem.split(" ")
    source, target = layouts.split(">")
    arguments = ["explain", "--json", "--wisdom", "none", "--op", op, "--layout", f"{source}:{target}"]
    parts = tail.split("+")
    arguments += ["--relu"] if "relu" in parts else []
    arguments += ["--pool", "2x2"] if "pool2x2" in parts else []
    arguments += [] if "bias" in parts or op not in ("conv", "linear") else ["--no-bias"]
    return json.loads(run(tool, *arguments, text))
