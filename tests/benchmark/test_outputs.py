"""Raw, native and stretched results: what each is called, what is ranked, and what is said where two of them meet."""

import csv
import io
import json

import detected
import numpy as np
import pages
import pytest
import stores
from harness import cell, table
from PIL import Image

import baselines
from benchmark.imaging import reading
from benchmark.run import plan
from benchmark.store import cells, saved
from benchmark.store.saved import Saved

STRETCHED = "stretched from its minimum to its maximum"
CUT = "grey levels cut off instead of rounded"
RAW, SAME, NATIVE = Saved("raw", STRETCHED), Saved("raw", ""), Saved("native", STRETCHED)


@pytest.fixture
def stretching(pairs, gain):
    """Make the method `gain` one whose authors stretch and cut. Returns the weights root."""
    method = pairs / "methods" / "gain.py"
    text = method.read_text().replace('{"gain.txt": None})', '{"gain.txt": None}, stretch=True, truncate=True)')
    method.write_text(text.replace("0.1 * np.random.random(ir.shape)", "0.1 * vis"))
    return gain


def pictures(pairs, label):
    folder = cell(pairs, label) / "fused"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def runs(pairs, label):
    return json.loads((cell(pairs, label) / "run.json").read_text())["runs"]


def test_only_a_native_output_that_differs_is_a_result_of_its_own():
    """Of every method: a label and keys of its own, where its card says that its authors do more than clip."""
    assert saved.OUTPUTS == baselines.OUTPUTS
    found = {}
    for method in plan.select_methods(["all"], outputs=["native", "raw", "minmax"]):
        found.setdefault(method.name, []).append(method)
    assert found.keys() == set(baselines.names())
    for name, methods in found.items():
        card, natives = methods[0].card, [f"{name}+native"]
        differs = card.stretch or card.truncate
        assert [one.label for one in methods] == [*(natives if differs else []), name, f"{name}+minmax"]
        assert [one.output for one in methods] == [*(["native"] if differs else []), "raw", "minmax"]
        assert len({one.version for one in methods}) == len(methods)
        assert (card.stretch, card.truncate) == ("stretched from" in methods[0].native, CUT in methods[0].native)
        assert methods[0].version == card.version, "what is stored of the authors' own output stays good"


def test_a_step_of_its_own_before_saving_differs_too():
    class Darker(baselines.ClassicalFuser):
        card = baselines.MethodCard("darker", "Darker", "classical")

        def fuse_pair(self, ir, vis):
            return vis

    class Framed(Darker):
        def as_saved(self, fused, colour):
            return fused / 2

    assert (Darker.native(), Framed.native()) == ("", "changed as its authors do")


def test_several_outputs_are_fused_once_and_alike(pairs, bench_folder, stretching):
    arguments = ("run", "--weights-root", stretching, "--metrics", "EN", "--methods", "gain,average")
    labels = ("gain", "gain+native", "gain+minmax", "average", "average+minmax")
    apart = {}
    for output in saved.OUTPUTS:
        assert bench_folder(*arguments, "--output", output).exit_code == 0
    apart = {label: pictures(pairs, label) for label in labels}
    assert [runs(pairs, label)[-1]["fused"] for label in labels] == [4] * 5
    (pairs / "results").rename(pairs / "apart")
    result = bench_folder(*arguments, "--output", "raw,native,minmax")
    assert result.exit_code == 0, result.output
    assert {label: pictures(pairs, label) for label in labels} == apart
    assert [runs(pairs, label)[-1]["fused"] for label in labels] == [4, 0, 0, 4, 0]
    for label in labels:
        found = [(path / label / "scores.jsonl").read_bytes() for path in pairs.glob("*/folder@*")]
        assert len(found) == 2 and found[0] == found[1]


def test_a_grid_says_which_columns_were_saved_otherwise(pairs, bench, bench_folder, stretching):
    arguments = ("run", "--weights-root", stretching, "--metrics", "EN", "--methods", "gain,average")
    assert bench_folder(*arguments, "--output", "raw,native").exit_code == 0
    folders = ("--dataset", "folder", "--ir", "ir", "--vis", "vis", "--out", "g", "--figure-format", "png")
    mixed = bench("grid", *folders)
    assert mixed.exit_code == 0 and "native: stretched" in mixed.stderr and mixed.stderr.count("\n") == 1
    titles = ("--title", "protocol:standard=A", "--title", "folder=B", "--title", "average=Mean")
    alike = bench("grid", *folders, "--methods", "average", *titles)
    assert (alike.exit_code, alike.stderr) == (0, ""), "titles of what a grid does not name are no mistake"


def test_an_output_at_work_elsewhere_is_not_waited_for(pairs, bench_folder, stretching):
    arguments = ("run", "--weights-root", stretching, "--metrics", "EN", "--methods", "gain", "--output")
    bench_folder(*arguments, "raw")
    native = cells.Cell(pairs / "results", "folder", cell(pairs, "gain").parent.name.partition("@")[2], "gain+native")
    with native.lock(lambda: None), native.lock_if_free() as held:
        assert not held
    with native.lock_if_free() as held:
        assert held
    assert bench_folder(*arguments, "raw,native").exit_code == 0
    assert [runs(pairs, label)[-1]["fused"] for label in ("gain", "gain+native")] == [4, 4]


def test_images_stored_as_the_authors_save_them_are_not_taken_for_raw_ones(pairs, bench_folder, stretching):
    """As stores of a time when the plain label stood for the native output."""
    arguments = ("run", "--weights-root", stretching, "--metrics", "EN", "--methods", "gain")
    bench_folder(*arguments, "--output", "native")
    folder = cell(pairs, "gain+native")
    native, folder = pictures(pairs, "gain+native"), folder.rename(folder.with_name("gain"))
    record = json.loads((folder / "run.json").read_text())
    record.pop("native")
    (folder / "run.json").write_text(json.dumps(record))
    assert "4 to fuse" in bench_folder(*arguments, "--dry-run").stdout
    bench_folder(*arguments)
    assert not set(native.values()) & set(pictures(pairs, "gain").values())
    assert json.loads((folder / "run.json").read_text())["output"] == "raw"


def test_a_run_ranks_one_output_and_marks_the_other(bench_folder, stretching):
    arguments = ("run", "--weights-root", stretching, "--metrics", "EN,SD", "--methods", "gain,pca,dwt")
    both = bench_folder(*arguments, "--output", "raw,native").stdout
    rows = table(both)
    assert list(rows) == ["gain", "gain+native‡", "pca", "dwt"]
    assert not any(mark in entry for entry in rows.pop("gain+native‡") for mark in "¹²")
    assert {entry[-1] for entries in rows.values() for entry in entries} >= {"¹", "²"}
    assert f"‡ gain+native: {STRETCHED}, {CUT}; not ranked among raw output" in both
    alone = bench_folder(*arguments, "--output", "native").stdout
    assert ", native output" in alone and "²" in table(alone)["gain+native‡"][1]
    assert f"‡ gain+native: {STRETCHED}, {CUT}\n" in alone
    assert "‡" not in bench_folder(*arguments).stdout


def test_events_say_what_is_ranked(bench_folder, stretching):
    arguments = ("run", "--weights-root", stretching, "--metrics", "EN", "--methods", "gain,average", "--json")
    lines = map(json.loads, bench_folder(*arguments, "--output", "raw,native").stdout.splitlines())
    rows = {line["method"]: (line["output"], line["ranked"]) for line in lines if line["event"] == "result"}
    assert rows == {"gain": ("raw", True), "gain+native": ("native", False), "average": ("raw", False)}


def test_mistakes_in_output_are_one_line(bench):
    result = bench("run", "--output", "raw,stretched")
    assert result.exit_code == 2 and "'stretched' is not one of raw, native, minmax" in result.stderr


def test_what_is_common():
    everything = {"raw": RAW, "same": SAME, "native": NATIVE, "elsewhere": Saved(), "old": Saved("native")}
    for output, fitting in (
        ("raw", "raw same elsewhere"),
        ("native", "same native elsewhere old"),
        ("minmax", "elsewhere"),
    ):
        assert [name for name, one in everything.items() if one.fits(output)] == fitting.split()
    assert saved.common(everything) == "raw"
    assert saved.common({"same": SAME, "native": NATIVE}) == "native"
    assert saved.common({"same": SAME, "elsewhere": Saved()}) == "raw"
    assert saved.common({"a": Saved("minmax", "")}) == "minmax"
    assert saved.remarks([SAME, Saved()], "raw") == ["", ""]
    assert saved.remarks([NATIVE, NATIVE], "native") == ["", ""], "all alike"
    assert saved.remarks([SAME, NATIVE], "native") == ["", STRETCHED]
    apart = [f"{text}; not ranked among native output" for text in ("clipped and rounded only", STRETCHED)]
    assert saved.remarks([RAW, NATIVE, Saved("minmax", CUT)], "native") == [apart[0], STRETCHED, apart[1]]
    assert Saved("native").way == "saved as its authors do"
    assert Saved.by({"output": 3, "native": ["x"]}) == Saved()
    assert Saved.by({"kind": "run"}) == Saved("native") and Saved.by({"kind": "external"}) == Saved()


@pytest.fixture
def results(tmp_path):
    """Six images: `plain` saves raw ones whatever is asked; `s` is stretched, better, and stored raw too."""
    values = {f"m{i}": np.full((3, 6), 5.0 + i) + np.linspace(0, 0.1, 6) for i in range(4)}
    place = "tno@tno42"
    stores.write(tmp_path, place, {"average": values["m0"], "plain": values["m1"]}, output="raw", native="")
    stores.write(tmp_path, place, {"s": values["m2"]}, output="raw", native=STRETCHED)
    stores.write(tmp_path, place, {"s+native": values["m3"]}, output="native", native=STRETCHED)
    stores.write(tmp_path, place, {"theirs": values["m2"] - 0.5}, kind="external")
    return tmp_path


def scored(bench, results, *arguments):
    """method -> {metric: row} of the CSV, the tables of the report as Markdown, and what was told."""
    options = ("report", "--results", results, "--out", "-", *arguments)
    made = bench(*options, "--format", "csv")
    rows = {}
    for row in csv.DictReader(io.StringIO(made.stdout)):
        rows.setdefault(row["method"], {})[row["metric"]] = row
    return rows, bench(*options, "--format", "markdown").stdout, made.stderr


def ranked(text):
    """The methods of the table of ranks."""
    lines = text.partition("### Ranks")[2].partition("###")[0].splitlines()
    names = [line.split("|")[1].strip().lower() for line in lines if line.startswith("| ") and "method" not in line]
    return [name for name in names if name not in ("---", "friedman p", "critical difference")]


def test_a_report_ranks_raw_rows_and_marks_the_others(bench, results):
    rows, text, told = scored(bench, results)
    assert ranked(text) == ["plain", "s", "theirs"] and not told
    assert rows["s"]["EN"]["best"] == "1" and rows["s+native"]["EN"]["best"] == ""
    assert float(rows["s+native"]["EN"]["mean"]) == pytest.approx(8.05)
    outputs = {name: row["EN"]["output"] for name, row in rows.items()}
    assert outputs == {"average": "raw", "plain": "raw", "s": "raw", "s+native": "native", "theirs": ""}
    assert "| S native‡ | 8.050 | 8.050 | 8.050 |" in text
    assert f"‡ S native: {STRETCHED}; not ranked among raw output" in text
    assert "| **7.050** |" in text and "output" not in text.splitlines()[0]


def test_a_report_of_native_output_takes_plain_rows_of_what_is_the_same(bench, results):
    for methods in ((), ("--methods", "plain,s,theirs")):
        rows, text, told = scored(bench, results, "--output", "native", *methods)
        assert ranked(text) == ["plain", "s native‡", "theirs"] and not told
        assert ("s" in rows) == (not methods), "a plain name stands for the output asked for"
        assert rows["s+native"]["EN"]["best"] == "1"
        assert ", native output" in text.splitlines()[0]
        assert f"‡ S native: {STRETCHED}\n" in text
    assert (
        "‡ S: clipped and rounded only; not ranked among native output"
        in scored(bench, results, "--output", "native")[1]
    )


def test_without_raw_rows_what_all_have_is_ranked_and_told(bench, results):
    rows, text, told = scored(bench, results, "--methods", "plain,s+native")
    assert ranked(text) == ["plain", "s native‡"] and rows["s+native"]["EN"]["best"] == "1"
    assert told == "tno@tno42: native output is ranked, since not all was saved raw, too\n"
    result = bench(
        "report", "--results", results, "--output", "minmax", "--methods", "plain,s", "--no-naive", "--out", "-"
    )
    assert result.exit_code == 2 and "no minmax output among these results; bench run --output minmax" in result.stderr


def test_json_says_what_is_ranked_and_latex_has_the_mark(bench, results):
    options = ("report", "--results", results, "--out", "-", "--format")
    (one,) = json.loads(bench(*options, "json").stdout)["measured"]
    assert one["output"] == "raw" and one["beside"] == {"s+native": f"{STRETCHED}; not ranked among raw output"}
    methods = one["metrics"]["EN"]["methods"]
    assert methods["s+native"]["mean"] == pytest.approx(8.05) and "best" not in methods["s+native"]
    assert r"$^\ddagger$" in bench(*options, "latex").stdout
    latex = bench(*options, "latex").stdout
    assert r"\midrule" in latex[: latex.index("S native")].rpartition(r"\\")[2], "a line above what is not ranked"
    wide = bench(*options, "markdown", "--wide").stdout
    assert "| S native‡ | 8.050 |" in wide


def test_common_images_and_undefined_values_of_marked_rows(bench, results):
    """On the images that all ranked rows have; a marked row that lacks some is partial."""
    values = np.full((3, 6), 1.0).astype(object)
    values[:, 5] = None
    stores.write(results, "tno@tno42", {"few": values}, output="raw", native="")
    values[:, 0] = None
    stores.write(results, "tno@tno42", {"fewer+native": values}, output="native", native=STRETCHED)
    rows, text, _ = scored(bench, results, "--common")
    assert ranked(text) == ["plain", "s", "theirs", "few"]
    assert rows["s+native"]["EN"]["n"] == "5" and float(rows["s+native"]["EN"]["mean"]) == pytest.approx(8.04)
    assert "| FEWER native‡ | 4/6 |" in text


def test_the_page_switches_between_outputs(tmp_path, bench, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"
    pages.write(results, "tno@test", ("average", "mine", "mine+native"), ["a", "b", "c"])
    outputs = {"average": "raw", "mine": "raw", "mine+native": "native"}
    pages.saved_as(results, "tno", "test", outputs, {"average"})
    result = bench("report", "--html", "--format", "csv", "--results", results)
    assert result.exit_code == 0, result.output
    index = pages.content_of(results / "report" / "page", "index")
    shown = [(t["output"], t["ranked"], [row["method"] + row["signs"] for row in t["rows"]]) for t in index["tables"]]
    assert shown == [
        ("raw", 2, ["average", "mine", "mine+native‡"]),
        ("native", 2, ["average", "mine+native‡", "mine‡"]),
    ]
    for number, one in enumerate(index["tables"]):
        assert one["rows"][2]["cells"][0]["mean"] and "place" not in one["rows"][2]["cells"][0]
        scores = pages.content_of(results / "report" / "page", f"scores-{number}")
        assert len(scores["values"]) == 3
    assert len((results / "report" / "report.csv").read_text().splitlines()) == 1 + 3 * len(pages.METRICS)


def test_a_detector_s_rows_of_another_output_are_marked_and_not_ranked(tmp_path, bench):
    methods = {"vis": [0.30], "theirs": [0.20], "mine": [0.40], "mine+native": [0.50]}
    folder = detected.write(tmp_path, "m3fd@mine", methods)
    for name, facts in (
        ("vis", {"output": "raw", "native": ""}),
        ("theirs", {"output": "raw", "native": ""}),
        ("mine", {"output": "raw", "native": STRETCHED}),
        ("mine+native", {"output": "native", "native": STRETCHED}),
    ):
        path = folder / name / "seed0" / "record.json"
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "about": {**record["about"], **facts}}))
    options = ("report", "--results", tmp_path, "--out", "-", "--format", "markdown")
    text = bench(*options).stdout
    rows = {line.split("|")[1].strip(): line for line in reversed(text.splitlines()) if line.startswith("| ")}
    assert "**40.0**" in rows["Mine"] and "50.0" in rows["Mine native‡"] and "**" not in rows["Mine native‡"]
    assert f"‡ Mine native: {STRETCHED}; not ranked among raw output" in text
    path = folder / "mine" / "seed0" / "record.json"  # of a time when all images were native, and none said so
    record = json.loads(path.read_text())
    del record["about"]["output"], record["about"]["native"]
    path.write_text(json.dumps(record))
    assert "‡ Mine: saved as its authors do; not ranked among raw output" in bench(*options, "--output", "raw").stdout
    native = bench(*options, "--output", "native").stdout
    assert f"‡ Mine native: {STRETCHED}\n" in native and "not ranked" not in native


def stretch(image):
    low, high = int(image.min()), int(image.max())
    return ((image.astype(int) - low) * 255 // (high - low)).astype(np.uint8)


def test_images_from_elsewhere_that_all_look_stretched_are_told(pairs, bench_folder):
    """Only where all are, and some pair has no source that spans as much."""
    bench_folder("run", "--methods", "average", "--metrics", "EN")
    images = {path.stem: reading.read_luminance(path) for path in (cell(pairs, "average") / "fused").iterdir()}
    assert not any(image.min() == 0 and image.max() == 255 for image in images.values())
    told = "from 0 to 255 exactly, also where no source is: stretched, or clipped at both ends?"
    for name, makers in (("plain", ()), ("partly", "abc"), ("theirs", "abcd")):
        for id, image in images.items():
            (pairs / name).mkdir(exist_ok=True)
            Image.fromarray(stretch(image) if id in makers else image).save(pairs / name / f"{id}.png")
        result = bench_folder("eval", "--fused", name, "--name", name, "--metrics", "EN")
        lines = [line for line in result.stdout.splitlines() if "0 to 255" in line]
        assert [f"{name}: 4 of 4 fused images: {told}" in line for line in lines] == [True] * (name == "theirs")
    record = json.loads((cell(pairs, "theirs") / "run.json").read_text())
    assert any(told in line for line in record["told"])
    (pairs / "mine.py").write_text("def mine(ir, vis):\n    mean = (ir + vis) / 2\n    return 3 * mean - 1\n")
    for methods, output, is_told in (
        ("average", "minmax", False),
        ("./mine.py", "minmax", False),
        ("./mine.py", "raw", True),
    ):
        text = bench_folder("run", "--methods", methods, "--metrics", "EN", "--output", output).stdout
        assert (told in text) == is_told, "what was asked for, or by a method that says what it does, is not odd"
