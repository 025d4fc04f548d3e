"""test_page.py LANEWISE: opens `lanewise report`'s page in headless Chromium and compares every figure that its
panels show with the result files that it was made from. Exit 77 without Chromium."""
import html.parser
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

COUNTERS = ("gflops", "peak_pct", "roof_pct", "rel_l2", "err_over_bound")


def figure(x):
    """As the page says a figure: three digits or so."""
    size = abs(x)
    if size == 0:
        return "0"
    for least, decimals in ((99.95, 0), (9.995, 1), (0.9995, 2), (0.00995, 3)):
        if size >= least:
            return f"{x:.{decimals}f}"
    return f"{x:.1e}"


def benchmark(name, us, **more):
    row = dict(name=name, run_name=name, run_type="iteration", real_time=us, cpu_time=us, time_unit="us", label="blocked>blocked relu",
               gflops=1234.5 / us, peak_pct=1311.3 / us, roof_pct=1402.7 / us, bytes_per_second=4.1e9 / us, intensity=1.7 + 10 / us,
               rel_l2=2.3e-7, err_over_bound=0.0123, time_low_ns=us * 987, time_high_ns=us * 1013, roof_level=2, roof_gflops=88.0)
    row.update(more)
    return row


def write_results(folder, slower, evil="<img src=x onerror=alert(1)>"):
    """Two ISAs, two thread counts, a peer, names with markup, a failed row."""
    rows, versus = [], []
    for p, problem in enumerate(("mnist_conv1", "vgg16_conv3_2", "odd" + evil)):
        for threads in (1, 2):
            for k, kernel in enumerate(("direct_avx2_t6x2", "winograd_f4x4_avx2_t6x2", "winograd_f6x6_scalar_t2x4", evil)):
                us = slower * (3.17 + 11.3 * p + 5.71 * ((k + p) % 4)) / threads
                rows.append(benchmark(f"conv/{problem}/conv_{kernel}/threads:{threads}", us, rel_l2=(0, 5.7e-7, 2.4e-6, 1e-7)[k]))
            rows.append(benchmark(f"conv/{problem}/onednn:direct/threads:{threads}", 40.1 + p, label="own relu jit"))
            versus.append(dict(op="conv", problem=problem, layout="own", threads=threads, ours="conv_x", ours_us=3.3, peer="onednn:direct",
                               peer_us=40.1, ratio=0.31 + p * 0.37, ratio_low=0.3 + p * 0.36, ratio_high=0.33 + p * 0.38))
    rows.append(benchmark("maxpool/pool/maxpool_any_avx2/threads:1", 7.77, peak_pct=0))
    rows.append(dict(name="conv/mnist_conv1/conv_broken_avx2/threads:1", error_occurred=True, error_message="no"))
    context = dict(cpu_model="Test CPU " + evil, date="2026-01-02T03:04:05", format="lanewise-results 1", trust="it was busy",
                   peak_gflops_avx2_threads_1="94.1", peak_gflops_avx2_threads_2="188.3", bandwidth_L1_read="190", bandwidth_DRAM_read="21.5")
    mnist = dict(us_per_image=31.25, peak_pct=246.1, accuracy=0.9921, images=10000, threads=1, batch=64, dataset="MNIST",
                 layers=[dict(name="conv1", kernel="conv_direct_avx2_t6x2")],
                 peers=[dict(peer="onednn:direct", us_per_image=140.2, ratio=0.2224, ratio_low=0.22, ratio_high=0.225)])
    os.mkdir(folder)
    for name, content in (("matrix", dict(context=context, benchmarks=rows)), ("versus", dict(comparisons=versus)), ("mnist", mnist)):
        with open(f"{folder}/{name}.json", "w", encoding="utf-8") as out:
            json.dump(content, out)
    return rows, versus


class Page(html.parser.HTMLParser):
    """Tables by id as lists of rows of texts, the heat map's cells, points by panel, texts by id."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.texts, self.cells, self.points, self.places, self.visible = {}, {}, [], {}, {}, {}
        self.table = self.row = self.panel = self.id = None
        self.stray = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag in ("img", "iframe", "link") or "onerror" in a:
            self.stray.append((tag, a))
        if tag == "section":
            self.panel = a.get("id")
        if tag == "table":
            self.table = self.tables.setdefault(a.get("id") or "heat", [])
        if tag == "tr" and self.table is not None:
            self.row = []
            if "hidden" not in a:
                self.table.append(self.row)
        if tag in ("td", "th") and self.row is not None:
            self.row.append("")
        if "data-value" in a:
            self.cells.append(a)
        if "pt" in a.get("class", "").split() and "aria-label" in a:
            self.points.setdefault(self.panel, []).append(a["aria-label"])
            self.places.setdefault(self.panel, []).append(float(a.get("cx", "nan")))
        if tag == "script":
            self.id = None
        if a.get("id"):
            self.id = a["id"]
            self.texts[self.id] = ""
            self.visible[self.id] = "hidden" not in a

    def handle_endtag(self, tag):
        if tag == "table":
            self.table = self.row = None
        if tag == "tr":
            self.row = None
        if tag == "section":
            self.panel = None

    def handle_data(self, text):
        if self.row:
            self.row[-1] += text
        if self.id:
            self.texts[self.id] += text


def open_page(chromium, profile, path, *options):
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
               "--window-size=1280,900", "--virtual-time-budget=2000", *options, "--dump-dom", "file://" + path]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=True)
    return done.stdout.decode("utf-8")


PHONE = """<!doctype html><iframe src="page.html" style="width:390px;height:800px"></iframe><p id="widths"></p><script>
onload = () => { const page = document.querySelector('iframe').contentDocument.documentElement;
widths.textContent = page.scrollWidth + ' ' + page.clientWidth; }</script>"""


def check(condition, message):
    if not condition:
        sys.exit("test_page.py: " + message)


def parts(row):
    op, problem, kernel, threads = row["name"].split("/")
    return op, problem, kernel, int(threads.split(":")[1])


def check_winners(page, static, rows):
    best = {}
    for row in rows:
        op, problem, kernel, threads = parts(row)
        if threads == 1 and ":" not in kernel:
            best.setdefault((op, problem), []).append((row["cpu_time"], kernel, row))
    expected = []
    for (op, problem), list_ in best.items():
        list_.sort(key=lambda x: x[0])
        us, kernel, row = list_[0]
        by = figure(list_[1][0] / us) + "×" if len(list_) > 1 else ""
        expected.append([f"{op} {problem}", kernel, figure(us), f"{figure(us * .987)} .. {figure(us * 1.013)}", figure(row["gflops"]),
                         figure(row["peak_pct"]) if row["peak_pct"] else "", figure(row["roof_pct"]), by])
    for name, table in (("with scripts", page.tables["winners-live"]), ("without", static.tables["winners-table-0"])):
        found = [r[:8] for r in table[1:]]
        check(found == expected, f"winners {name}: {found}\nexpected {expected}")


def check_heat(page, rows):
    fastest = {}
    for row in rows:
        op, problem, kernel, threads = parts(row)
        if threads == 1:
            key = (op, problem)
            fastest[key] = min(fastest.get(key, 1e9), row["cpu_time"])
    expected = {(parts(r)[1], parts(r)[2]): r["cpu_time"] / fastest[parts(r)[:2]] for r in rows if parts(r)[3] == 1}
    found = {(c["data-problem"], c["data-kernel"]): float(c["data-value"]) for c in page.cells}
    check(found.keys() == expected.keys(), f"heat map: {found.keys()} instead of {expected.keys()}")
    for key, value in expected.items():
        check(abs(found[key] / value - 1) < 1e-4, f"heat map: {key}: {found[key]}, not {value}")


def main():
    lanewise = os.path.abspath(sys.argv[1])
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        print("no Chromium here")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        rows, versus = write_results(f"{folder}/cpu-a", 1.0)
        write_results(f"{folder}/cpu-b", 1.5)
        os.remove(f"{folder}/cpu-b/versus.json")
        path = f"{folder}/page.html"
        subprocess.run([lanewise, "report", "-o", path, f"{folder}/cpu-a", f"{folder}/cpu-b"], check=True, stderr=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            static = Page(file.read())
        page = Page(open_page(chromium, f"{folder}/profile", path))
        with open(f"{folder}/phone.html", "w", encoding="utf-8") as file:
            file.write(PHONE)
        phone = Page(open_page(chromium, f"{folder}/profile", f"{folder}/phone.html", "--allow-file-access-from-files"))
    rows = [r for r in rows if "error_occurred" not in r]
    single = [r for r in rows if parts(r)[3] == 1 and ":" not in parts(r)[2]]
    check(not page.visible["broken"], f"a script failed: {page.texts['broken']}")
    wide, visible = phone.texts["widths"].split()
    check(wide == visible, f"on a phone the page is {wide} wide, of which {visible} are visible")
    check(not page.stray, f"markup from names: {page.stray}")
    check_winners(page, static, rows)
    check_heat(page, rows)
    table = {r[0]: r for r in page.tables["peers-table-0"][1:]}
    check(len(table) == 3 and len(page.points["peers"]) == 3, f"peers: {table.keys()}, {page.points.get('peers')}")
    for v in versus[::2]:
        row = table[f"conv {v['problem']}"]
        check(row[5:] == [figure(v["ours_us"]), figure(v["peer_us"]), figure(v["ratio"]), f"{figure(v['ratio_low'])} .. {figure(v['ratio_high'])}"],
              f"peers: {row} is not {v}")
        check(any(f"{figure(v['ratio'])} [" in label and v["problem"] in label for label in page.points["peers"]), f"no point for {v}")
    ratios, places = sorted(math.log(v["ratio"]) for v in versus[::2]), page.places["peers"]
    expected = (ratios[1] - ratios[0]) / (ratios[2] - ratios[0])
    check(abs((places[1] - places[0]) / (places[2] - places[0]) - expected) < 2e-3, f"peers: points at {places}")
    derived = [r for r in static.tables["peers-table-1"][1:] if r[0] == "conv vgg16_conv3_2" and r[2] == "1"]
    least = min(r["cpu_time"] * 1.5 for r in single if "vgg16" in r["name"])
    check(len(derived) == 1 and derived[0][7:] == [figure(least / 41.1), f"{figure(least * .987 / 41.1 / 1.013)} .. {figure(least * 1.013 / 41.1 / .987)}"],
          f"without versus.json: {derived}")
    check([r[2] for r in page.tables["mnist-table-0"][1:]] == ["conv_direct_avx2_t6x2"], f"{page.tables['mnist-table-0']}")
    check(page.tables["mnist-peers-0"][1][:3] == ["onednn:direct", "140", "0.222"], f"{page.tables['mnist-peers-0']}")
    check(len(page.points["error"]) == len(single) == len(page.tables["error-table"]) - 1, "speed against error: not a point a row")
    check(sorted(r[3] for r in page.tables["error-table"][1:]) == sorted(figure(r["rel_l2"]) for r in single), "errors differ")
    check(len(page.points["roofline"]) == 4, f"roofline: {page.points['roofline']}")
    check(all(r[5] == "1.50" for r in page.tables["compare-table"][1:] if "pool" not in r[0]), f"{page.tables['compare-table']}")
    check(len(page.points["compare"]) == 4, f"comparison: {page.points['compare']}")
    print(f"{len(rows)} benchmarks: the page says what the files say")
    return 0


if __name__ == "__main__":
    sys.exit(main())
