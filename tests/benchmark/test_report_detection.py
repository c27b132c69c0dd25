"""Detection in reports: the same rows in every format, setups apart, what is broken told in a line."""

import csv
import io
import json
import re
import shutil

import detected
import numpy as np
import pytest
import stores
from harness import typeset
from test_cli import one_error

from benchmark import detection
from benchmark.detection import outcome, setups
from benchmark.report import detection_tables
from benchmark.report.content import Content
from benchmark.report.page import detection_board

SEEDS = {"vis": [0.30, 0.34], "ir": [0.20, 0.30], "mine": [0.40, 0.42], "average": [0.30, 0.34]}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Detection alone: four methods with two seeds, and one detector for two of them; with the differences."""
    results = tmp_path_factory.mktemp("stored") / "results"
    detected.write(results, "m3fd@mine", SEEDS)
    detected.write(results, "m3fd@mine", {"vis": [0.5], "mine": [0.45]}, "yolov8n-frozen-4567cdef", "frozen")
    detection.load_differences(results)
    return results


@pytest.fixture
def results(stored, tmp_path, monkeypatch):
    """A copy to change."""
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_RESULTS", "BENCH_DATA", "BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    return shutil.copytree(stored, tmp_path / "results")


def markdown(bench, *arguments):
    return bench("report", "--format", "markdown", "--out", "-", *arguments).stdout


def test_one_table_per_setup_says_what_it_is(bench, results):
    text = markdown(bench)
    titles = [line for line in text.splitlines() if line.startswith("### ")]
    assert len(titles) == 6 and sum("protocol retrain" in title for title in titles) == 3
    assert sum("protocol frozen (trained on vis)" in title for title in titles) == 3
    parts = text.split("### ")[1:]
    for part in parts:
        for words in ("M3FD, division mine (abcdef01)", "30 test images of 6 scenes", "detector yolov8n", "±1 10.0 %",
                      "±5 —", "initial weights yaml", "2 epochs", "64 pixels", "nbs=4", "100 images"):  # fmt: skip
            assert words in part
        assert ("seeds 0, 1" if "retrain" in part else "seed 0.") in part
    # Without a second seed there is no deviation; of two seeds it is that of a sample.
    assert "±" not in parts[0].split("Trained")[0] and "± 2.8 |" in parts[3]
    heads = "| method | AP<sub>50</sub> ↑ | AP<sub>75</sub> ↑ | AP ↑ | AP small (n=25) ↑ | AP medium (n=15) ↑"
    assert f"{heads} | AP large (n=0) ↑" in parts[0]
    assert "| method | People (n=20) ↑ | Car (n=20) ↑ | Lamp (n=0) ↑ |" in parts[1]


def test_values_marks_and_undefined_ones(bench, results):
    parts = markdown(bench, "--rank-baselines").split("### ")[1:]
    rows = {
        cells[0].lower(): cells[1:]
        for cells in (line.strip("| ").split(" | ") for line in parts[3].splitlines())
        if cells[1:]
    }
    assert list(rows)[2:] == ["ir", "vis", "average", "mine"], "naive methods first"
    assert rows["mine"][:4] == ["**61.0** ± 1.4", "**46.0** ± 1.4", "**41.0** ± 1.4", "**31.0** ± 1.4"]
    assert rows["vis"][2] == rows["average"][2] == "<u>32.0</u> ± 2.8", "what looks the same is marked the same"
    assert {cells[5] for name, cells in rows.items() if name in SEEDS} == {"—"}, "nothing is large"
    assert rows["mine"][6:8] == ["**43.0** ± 1.4", "**39.0** ± 1.4"], "day and night"
    assert rows["mine"][9:] == ["62.0 ± 1.4", "42.0 ± 1.4"], "ultralytics' own"
    assert rows["vis"][8] == "—"
    found = detection.load_differences(results).query(
        "setup == 'yolov8n-retrain-0123abcd' and metric == 'AP' and base == 'vis'"
    )
    for _, gap in found.iterrows():
        numbers = [float(text.replace("−", "-")) for text in re.findall(r"[+−][\d.]+", rows[gap["method"]][8])]
        assert numbers == pytest.approx([100 * gap[name] for name in ("difference", "low", "high")], abs=0.051)
        assert numbers[1] <= numbers[0] <= numbers[2] and numbers[0]
    lamps = [line for line in markdown(bench).split("### ")[5].splitlines() if line.startswith("| Mine")]
    assert lamps == ["| Mine | 46.0 ± 1.4 | 36.0 ± 1.4 | — |"], "nothing is best by itself"


def test_single_cameras_are_for_reference(bench, tmp_path):
    detected.write(tmp_path, "m3fd@mine", {"mine": [0.4], "vis": [0.6], "theirs": [0.5], "ir": [0.5]})
    found = {}
    for options in ((), ("--rank-baselines",)):
        text = bench("report", "--results", tmp_path, "--format", "latex", "--out", "-", *options).stdout
        table = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
        assert ("For reference, in no rank: Ir, Vis" in text) == (not options)
        found[options] = table, [line.split(" &")[0].strip() for line in table.partition("Method &")[2].splitlines()]
    plain, ranked = found.values()
    assert plain[1][1:] == [r"\midrule", "Ir", "Vis", r"\midrule", "Mine", "Theirs", ""]
    assert (
        r"Theirs & \bfseries 70.0" in plain[0] and r"\underline{60.0}" in plain[0] and r"\bfseries 80" not in plain[0]
    )
    assert r"Vis & \bfseries 80.0" in ranked[0]
    compared = tuple(outcome.read(setup) for setup in setups.setups(tmp_path))
    (table,) = detection_board.of(Content(tmp_path, (), detected=compared))
    places = {row["method"]: row["cells"][table["first"]]["place"] for row in table["rows"]}
    assert places == {"ir": None, "vis": None, "mine": 2, "theirs": 1} and table["entered"] == 2


def test_bench_detect_shows_the_same_rows(results, bench, capsys):
    (_, setup) = setups.setups(results)
    detection_tables.show(detection_tables.grids(outcome.read(setup)))
    shown = capsys.readouterr().out
    for line in markdown(bench, "--protocol", "retrain", "--digits", 1).splitlines():
        for cell in re.findall(r"\d+\.\d ± \d\.\d", line.replace("**", "").replace("<u>", "").replace("</u>", "")):
            assert cell in shown
    assert "41.0 ± 1.4" in shown and "¹" not in shown, "one method and simple baselines"
    assert "division mine (abcdef01)" in shown


def test_csv_and_json_hold_full_precision(bench, results):
    rows = list(csv.DictReader(io.StringIO(bench("report", "--format", "csv", "--out", "-").stdout)))
    frame = detection.load_detections(results).query("source == 'coco'")
    found = json.loads(bench("report", "--format", "json", "--out", "-").stdout)
    assert [one["setup"] for one in found["detected"]] == ["yolov8n-frozen-4567cdef", "yolov8n-retrain-0123abcd"]
    assert found["detected"][0]["split_sha256"] == "abcdef01" * 8
    keys = {(row["setup"], row["method"], row["metric"]) for row in rows}
    assert len(keys) == len(rows) == 6 * 3 * 6 * 4  # methods, metrics, subsets, and all classes with each one
    for row in rows:
        metric, *place = row["metric"].split()
        label = place.pop() if place and place[-1] in detected.CLASSES else "all"
        subset = place[0] if place else "all"
        values = frame[
            (frame["setup"] == row["setup"]) & (frame["method"] == row["method"]) & (frame["metric"] == metric)
            & (frame["subset"] == subset) & (frame["class"] == label)
        ]  # fmt: skip
        assert len(values) == len(row["seeds"].split())
        assert row["instances"] == str(int(values["instances"].iloc[0]))
        mine = next(one for one in found["detected"] if one["setup"] == row["setup"])["methods"][row["method"]]
        if values["value"].isna().any():
            assert row["mean"] == "" and mine["figures"][row["metric"]]["mean"] is None
            continue
        assert float(row["mean"]) == mine["figures"][row["metric"]]["mean"] == pytest.approx(values["value"].mean())
        assert (row["sd"] == "") == (len(values) == 1)
        assert row["sd"] == "" or float(row["sd"]) == pytest.approx(np.std(values["value"], ddof=1))
    gaps = [row for row in rows if row["difference"]]
    assert {row["metric"] for row in gaps} == {"AP", "AP50"} and "vis" not in {row["method"] for row in gaps}


def test_columns_of_detection_are_there_with_detection_alone(bench, tmp_path):
    stores.write(tmp_path, "tno@tno42", stores.random(0, 2, 8))
    text = bench("report", "--results", tmp_path, "--format", "csv", "--out", "-").stdout
    assert text.splitlines()[0].endswith(",unit,units,infinite,output,caveats")
    assert json.loads(bench("report", "--results", tmp_path, "--format", "json", "--out", "-").stdout)["detected"] == []
    assert "Detection" not in markdown(bench, "--results", tmp_path)


def test_excel_and_html(bench, results):
    openpyxl = pytest.importorskip("openpyxl")
    assert bench("report", "--format", "excel,html", "--rank-baselines").exit_code == 0
    sheet = openpyxl.load_workbook(results / "report" / "report.xlsx").worksheets[0]
    rows = {row[0].value: row for row in sheet.iter_rows()}
    assert rows["Mine"][3].value == pytest.approx(45) and rows["Vis"][3].font.bold and rows["Vis"][3].value == 50
    text = (results / "report" / "report.html").read_text()
    assert text.count("<figure") == 6 and '<td class="best">50.0</td>' in text


def test_checkpoints_of_one_method_are_told_apart(bench, tmp_path):
    detected.write(tmp_path, "m3fd@mine", {"vis": [0.3], "cddfuse": [0.4], "cddfuse+1a2b3c4d": [0.5]})
    text = bench(
        "report", "--results", tmp_path, "--format", "latex", "--out", "-", "--methods", "cddfuse+1a2b3c4d"
    ).stdout
    assert "Cddfuse &" in text and "1a2b3c4d" not in text
    both = bench("report", "--results", tmp_path, "--format", "latex", "--out", "-").stdout
    assert "Cddfuse 1a2b3c4d &" in both and "Cddfuse &" in both


def test_an_ap_of_zero_has_neither_mark_nor_place(bench, tmp_path):
    folder = detected.write(tmp_path, "m3fd@mine", {"some": [0.3], "none": [0.0], "nothing": [0.0]})
    for name in ("none", "nothing"):
        detected.find_nothing(folder, name)
    text = bench("report", "--results", tmp_path, "--format", "markdown", "--out", "-").stdout
    assert "**50.0**" in text and "**0.0**" not in text and "<u>0.0</u>" not in text
    compared = tuple(outcome.read(setup) for setup in setups.setups(tmp_path))
    (table,) = detection_board.of(Content(tmp_path, (), detected=compared))
    places = {row["method"]: [cell["place"] for cell in row["cells"]] for row in table["rows"]}
    assert set(places["none"] + places["nothing"]) == {None}
    assert places["some"][table["first"]] == 1


def test_with_scores_beside(bench, results):
    stores.write(results, "tno@tno42", {"ir": np.ones((3, 8)), "other": np.ones((3, 8))})
    text = markdown(bench)
    assert "### TNO, 8 pairs" in text and "### Detection: M3FD" in text
    assert "Detection" not in markdown(bench, "--sections", "scores")
    assert markdown(bench, "--sections", "detection").startswith("### Detection")
    assert "Detection" not in markdown(bench, "--dataset", "tno")
    alone = markdown(bench, "--dataset", "m3fd@mine", "--protocol", "frozen")
    assert alone.count("### ") == 3 and "TNO" not in alone
    both = markdown(bench, "--dataset", "m3fd,tno", "--protocol", "standard")
    assert "protocol frozen" in both and "protocol retrain" in both and "### TNO, 8 pairs" in both
    # A method is asked for wherever it has results; those of the naive ones stay.
    asked = markdown(bench, "--methods", "mine", "--protocol", "retrain")
    assert "| Mine |" in asked and "| Vis |" in asked and "| OTHER |" not in asked
    assert "| Vis |" not in markdown(bench, "--methods", "mine", "--no-naive")
    assert "| OTHER |" in markdown(bench, "--methods", "other")


def test_only_what_has_results_can_be_asked_for(bench, results):
    for option, name, guess in (
        ("--dataset", "m3fd@min", "m3fd@mine"),
        ("--protocol", "retran", "retrain"),
        ("--methods", "mne", "mine"),
        ("--sections", "detect", "detection"),
    ):
        one_error(bench("report", option, name), name, f"did you mean {guess}")
    one_error(bench("report", "--sections", "scores"), "nothing to show")
    naive = detected.write(results.parent / "naive", "m3fd@mine", {"vis": [0.3]}).parents[2]
    one_error(bench("report", "--results", naive, "--no-naive"), "nothing to show")
    assert not (results / "report").exists()
    assert "cost, detection, ranks, reported, scores, wins" in bench("report", "--help").output


def test_failed_unavailable_and_unfinished_runs(bench, results):
    folder = results / "detect" / "m3fd@mine" / "yolov8n-retrain-0123abcd"
    facts = json.loads((folder / "setup.json").read_text())
    facts["methods"] += ["gone", "broken", "waiting"]
    facts["notes"] = ["the last 10 training images are held out"]
    (folder / "setup.json").write_text(json.dumps(facts))
    for method, state in (("gone", "unavailable (no weights)"), ("ir", "failed (RuntimeError: loss)")):
        (folder / method / "seed1").mkdir(parents=True, exist_ok=True)
        kept = {"state": state, "about": {"name": method, "title": method.title(), "preliminary": method == "gone"}}
        (folder / method / "seed1" / "record.json").write_text(json.dumps(kept))
    for content in ("torn {", "[]", '{"state": "done"}', '{"state": "done", "test": {"all": 3}}', '{"state": 3}'):
        (folder / "broken" / "seed0").mkdir(parents=True, exist_ok=True)
        (folder / "broken" / "seed0" / "record.json").write_text(content)
        text = markdown(bench, "--protocol", "retrain")
        for line in (
            "- Ir: 1 of 2 seeds; seed 1: failed (RuntimeError: loss)",
            "- Gone†: 0 of 2 seeds; seed 1: unavailable (no weights)",
            "- broken: 0 of 2 seeds; seed 0: record.json is broken",
            "- waiting: 0 of 2 seeds; seed 0: not finished",
            "- the last 10 training images are held out",
        ):
            assert line in text
        assert "| Ir |" not in text and "| Mine |" in text
    rows = csv.DictReader(io.StringIO(bench("report", "--format", "csv", "--out", "-").stdout))
    states = {row["method"]: (row["state"], row["mean"]) for row in rows if row["setup"] == folder.name}
    assert states["ir"] == ("1 of 2 seeds; seed 1: failed (RuntimeError: loss)", "")


def test_a_record_of_other_images_is_not_compared(bench, results):
    path = results / "detect" / "m3fd@mine" / "yolov8n-retrain-0123abcd" / "mine" / "seed1" / "record.json"
    record = json.loads(path.read_text())
    record["test"]["all"]["instances"] += 1
    path.write_text(json.dumps(record))
    text = markdown(bench, "--protocol", "retrain")
    assert "- Mine: 1 of 2 seeds; seed 1: record.json is broken" in text and "| Mine |" not in text


@pytest.mark.parametrize("enough", [False, True])
def test_intervals_need_scenes(results, enough):
    """With too few of them, a note says why there is none."""
    (_, setup) = setups.setups(results)
    truth = setup.truth()
    for number, image in enumerate(truth["images"]):
        image["scene"] = str(number if enough else number % 2)
    setups.write_json(setup.folder / "truth.json", truth)
    (setup.folder / "differences.json").unlink(missing_ok=True)
    found = outcome.read(setup)
    assert any(note.startswith("no intervals: fewer than ") for note in found.notes) != enough
    assert {row.gap["AP"]["low"] is None for row in found.rows if row.gap} == {not enough}


@pytest.mark.parametrize(("own", "state"), [(0, "done"), (1, "done"), (1.01, "broken"), (-0.01, "broken")])
def test_figures_are_shares(results, own, state):
    (_, setup) = setups.setups(results)
    run = setup.run("mine", 1)
    record = run.record()
    run.write({**record, "ultralytics": {**record["ultralytics"], "mAP50": own}})
    found = outcome.read(setup)
    told = {row.method: row.state for row in found.absent}
    assert told == ({} if state == "done" else {"mine": f"1 of 2 seeds; seed 1: {outcome.BROKEN}"})


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"dataset": "m3fd"}', "no leak", "settings"])
def test_a_broken_setup_is_left_out_with_one_line(bench, results, damage):
    path = results / "detect" / "m3fd@mine" / "yolov8n-frozen-4567cdef" / "setup.json"
    facts = json.loads(path.read_text())
    if damage == "no leak":
        damage = json.dumps({**facts, "leak": 3})
    elif damage == "settings":
        damage = json.dumps({**facts, "settings": {"detector": "yolov8n"}})
    path.write_text(damage)
    result = bench("report", "--format", "markdown", "--out", "-")
    assert result.exit_code == 0 and result.stdout.count("### ") == 3
    (line,) = result.stderr.splitlines()
    assert line.startswith("left out: m3fd@mine/yolov8n-frozen-4567cdef: setup.json is broken")
    with pytest.raises(Exception, match=r"setup\.json is broken"):
        detection.load_detections(results)


def test_nothing_but_a_broken_setup(bench, results):
    shutil.rmtree(results / "detect" / "m3fd@mine" / "yolov8n-frozen-4567cdef")
    (results / "detect" / "m3fd@mine" / "yolov8n-retrain-0123abcd" / "setup.json").write_text("torn {")
    result = bench("report")
    assert result.exit_code == 2
    first, last = result.stderr.splitlines()
    assert "setup.json is broken" in first and "no results in results" in last


def test_a_setup_without_any_run(bench, results):
    folder = results / "detect" / "m3fd@mine" / "yolov8n-frozen-4567cdef"
    for method in ("vis", "mine"):
        shutil.rmtree(folder / method)
    text = markdown(bench, "--protocol", "frozen")
    assert text.count("### ") == 1 and "- vis: not finished" in text and "nan" not in text


@pytest.mark.parametrize("damage", ["truth", "detections", "short", "vis"])
def test_no_differences_without_what_they_are_drawn_from(bench, results, damage):
    """An image without a line would count as one in which nothing was found."""
    folder = results / "detect" / "m3fd@mine" / "yolov8n-frozen-4567cdef"
    (folder / "differences.json").unlink()
    lines = (folder / "mine" / "seed0" / "detections.jsonl").read_text().splitlines(keepends=True)
    if damage == "truth":
        (folder / "truth.json").write_text("{}")
    elif damage == "detections":
        (folder / "mine" / "seed0" / "detections.jsonl").unlink()
    elif damage == "short":
        (folder / "mine" / "seed0" / "detections.jsonl").write_text("".join(lines[:-1]))
    else:
        shutil.rmtree(folder / "vis")
    text = markdown(bench, "--protocol", "frozen")
    reason = {"truth": "truth.json is broken", "vis": "there is no complete row vis"}
    assert "- no differences: " in text and reason.get(damage, "mine/seed0/detections.jsonl is broken") in text
    assert re.search(r"\| Mine \|.* — \| 66.0 \| 46.0 \|", text)


def test_results_that_cannot_be_written(bench, results, tmp_path):
    folder = results / "detect" / "m3fd@mine" / "yolov8n-frozen-4567cdef"
    (folder / "differences.json").unlink()
    (folder / "differences.json").mkdir()
    assert "no differences" not in markdown(bench, "--protocol", "frozen")


def test_same_results_same_bytes(bench, results, tmp_path):
    shutil.copytree(results, tmp_path / "copy")
    for place in ("results", "copy"):
        assert bench("report", "--results", place).exit_code == 0
    names = [path.name for path in (results / "report").iterdir()]
    assert len(names) == 7
    for name in names:
        assert (results / "report" / name).read_bytes() == (tmp_path / "copy" / "report" / name).read_bytes()


def test_standalone_compiles(bench, results):
    assert bench("report", "--standalone", "--out", "paper").exit_code == 0
    log = typeset(results.parent / "paper", "report")
    assert "undefined" not in log.lower() and "Overfull" not in log
    bib = (results.parent / "paper" / "report.bib").read_text()
    assert all(f"{{{key}," in bib for key in ("lin2014coco", "jocher2023ultralytics", "liu2022tardal"))


def test_the_better_camera_and_what_was_seen_in_training(bench, tmp_path):
    """Where `ir` is ahead, differences to it stand beside those to `vis`; of LLVIP's test images a network saw some."""
    methods = {"vis": [0.30], "ir": [0.35], "mine": [0.40], "two-cameras": [0.41]}
    folder = detected.write(
        tmp_path, "llvip@test", methods, "yolov8n-pretrained-1", "pretrained", leak={}, test_splits=["test"]
    )
    truth = json.loads((folder / "truth.json").read_text())
    names = ["190001", "200002", *(f"2600{k:02}" for k in range(12))]
    renamed = {image["file_name"]: name for image, name in zip(truth["images"], names)}
    for image in truth["images"]:
        image["file_name"] = renamed[image["file_name"]]
    (folder / "truth.json").write_text(json.dumps(truth))
    for path in folder.glob("*/seed0/detections.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(line | {"id": renamed[line["id"]]}) + "\n" for line in lines))
    record = folder / "mine" / "seed0" / "record.json"
    content = json.loads(record.read_text())
    record.write_text(json.dumps({**content, "about": {**content["about"], "trained_on": "llvip sample44"}}))

    text = markdown(bench, "--results", tmp_path)
    first = text.split("### ")[1]
    assert "| AP − vis [95 %] | AP − ir [95 %] |" in first.replace("\\", "")
    assert "The better single camera by AP: ir." in first and "near by id" not in text and "Trained on" not in text
    (row,) = [line.split(" | ") for line in first.splitlines() if line.startswith("| Ir |")]
    assert row[-3] == "—" and row[-4] != "—"
    assert re.search(r"- Mine: trained on llvip sample44: .*of these 14 pairs .*\(scenes 19, 20", first)
    assert "For reference, in no rank: Ir, Vis, Two-Cameras" in first
    rows = csv.DictReader(io.StringIO(bench("report", "--results", tmp_path, "--format", "csv", "--out", "-").stdout))
    rows = {(row["method"], row["metric"]): row for row in rows}
    gaps = detection.load_differences(tmp_path).set_index(["base", "method", "metric"])["difference"]
    for method in ("vis", "mine", "two-cameras"):
        found = rows[method, "AP"]
        assert found["camera"] == "ir" and float(found["camera_difference"]) == pytest.approx(
            gaps["ir", method, "AP"], rel=1e-5
        )
        assert "trained on llvip sample44" in found["caveats"]
    assert rows["ir", "AP"]["camera"] == rows["mine", "AP small"]["camera"] == ""
    compared = tuple(outcome.read(setup) for setup in setups.setups(tmp_path))
    (table,) = detection_board.of(Content(tmp_path, (), detected=compared))
    assert [metric["head"] for metric in table["metrics"][3:5]] == ["AP − vis", "AP − ir"]
    mine = next(row for row in table["rows"] if row["method"] == "mine")
    assert mine["cells"][4]["mean"] == pytest.approx(100 * gaps["ir", "mine", "AP"])
    facts = {name: text for group in table["about"] for name, text in group["facts"]}
    assert "leak" not in facts and "epochs" not in facts and not mine["naive"]


def test_detectors_side_by_side(bench, tmp_path):
    """Three setups that differ in the detector alone, and one with other images, which stays apart."""
    first = {"vis": [0.6], "a": [0.5], "b": [0.4], "c": [0.3], "alone": [0.3]}
    second = {"vis": [0.2], "a": [0.2], "b": [0.4], "c": [0.3]}
    third = {"vis": [0.4], "a": [0.5], "b": [0.4], "c": [0.4]}
    for k, (detector, methods) in enumerate((("yolov8n", first), ("yolo11m", second), ("rtdetr-l", third))):
        detected.write(tmp_path, "m3fd@all", methods, f"{detector}-pretrained-{k}", "pretrained", detector=detector)
    detected.write(tmp_path, "m3fd@all", second, "yolov8s-pretrained-9", "pretrained", detector="yolov8s", imgsz=96)
    text = markdown(bench, "--results", tmp_path)
    assert text.count("Detection by") == 1
    part = text.split("### Detection by 3 detectors: M3FD, division all (abcdef01), protocol pretrained")[1]
    # Ranks by hand: a 1, 3, 1; b 2, 1, 2.5; c 3, 2, 2.5.
    for line in (
        "| method | AP rtdetr-l ↑ | AP yolo11m ↑ | AP yolov8n ↑ | AP mean ↑ | mean rank ↓ |",
        "| Vis | 40.0 | 20.0 | 60.0 | 40.0 | — |",
        "| A | **50.0** | 20.0 | **50.0** | **40.0** | **1.7** |",
        "| B | <u>40.0</u> | **40.0** | <u>40.0</u> | **40.0** | <u>1.8</u> |",
        "| C | <u>40.0</u> | <u>30.0</u> | 30.0 | <u>33.3</u> | 2.5 |",
        "- Not with every detector: alone",
        "- For reference, in no rank: Vis",
    ):
        assert line in part, part
    rows = csv.DictReader(io.StringIO(bench("report", "--results", tmp_path, "--format", "csv", "--out", "-").stdout))
    found = {(r["method"], r["metric"]): r["mean"] for r in rows if r["setup"] == "3 detectors"}
    assert float(found["c", "AP mean"]) == pytest.approx(1 / 3) and float(found["b", "AP mean rank"]) == pytest.approx(
        5.5 / 3
    )
    assert found["vis", "AP mean rank"] == "" and len(found) == 8
    compared = tuple(outcome.read(setup) for setup in setups.setups(tmp_path))
    table = detection_board.of(Content(tmp_path, (), detected=compared))[-1]
    assert table["setup"] == "3 detectors" and [m["head"] for m in table["metrics"]][-2:] == ["mean", "mean rank"]
    places = {row["method"]: [cell["place"] for cell in row["cells"][-2:]] for row in table["rows"]}
    assert places == {"vis": [None, None], "a": [1, 1], "b": [1, 2], "c": [3, 3]}
