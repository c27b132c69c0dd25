"""`bench detect` from end to end: 24 drawn images, two epochs; killed, failing, frozen; mistakes."""

import json
import os
import subprocess
import sys

import pages
import pytest
from harness import ROOT
from test_cli import one_error

pytest.importorskip("faster_coco_eval", reason="needs the extra 'detect'")

from benchmark import detection
from benchmark.curation import drawn_sets
from benchmark.detection import initial_weights, outcome, setups
from benchmark.report import detection_tables
from benchmark.store import cells, summary

OPTIONS = ("--epochs", 2, "--imgsz", 64, "--batch", 4, "--argument", "nbs=4", "--argument", "mosaic=0")

# The network is out of reach, and whoever tries is written down.
NO_NETWORK = """
import socket
def refuse(*arguments, **_):
    with open("network.txt", "a") as file:
        print(arguments, file=file)
    raise OSError("no network")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder with 24 drawn pairs of 128x96 in M3FD's layout, and lists of 8 ids for each part; the last eight are two
    scenes, one of them at night."""
    folder = tmp_path_factory.mktemp("drawn")
    drawn_sets.write(folder / "M3FD_Detection", 24, (128, 96))
    for number, part in enumerate(("train", "val", "test")):
        (folder / f"{part}.txt").write_text("".join(f"{k:05d}\n" for k in range(8 * number, 8 * number + 8)))
    lines = [f"{k:05d},{'a' if k < 20 else 'b'},{'day' if k < 20 else 'night'}\n" for k in range(16, 24)]
    (folder / "scenes.csv").write_text("".join(lines))
    return folder


def arguments(drawn, *more):
    lists = [text for part in ("train", "val", "test") for text in (f"--{part}", drawn / f"{part}.txt")]
    own = ("--scenes", drawn / "scenes.csv", "--name", "mine")
    return ("detect", "--dataset", "m3fd", "--data-root", drawn, *lists, *own, *OPTIONS, "--device", "cpu", *more)


def setup_of(folder):
    (found,) = setups.setups(folder / "results")
    return found


@pytest.fixture
def detect(drawn, tmp_path, monkeypatch, bench):
    """Call `bench detect` on the drawn pairs, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("BENCH_RESULTS", "BENCH_DATA", "BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    return lambda *more: bench(*arguments(drawn, *more))


def test_two_epochs_from_the_shell(drawn, tmp_path, bench):
    """Everything that is promised, in one run: nothing goes over the network or into the home folder."""
    home = tmp_path / "home"
    home.mkdir()
    command = [str(a) for a in arguments(drawn, "--methods", "ir,vis")]
    code = f"{NO_NETWORK}\nfrom benchmark.cli import main\nmain(prog_name='bench')"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO_", "MPLCONFIG", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT), "HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*")) and not (tmp_path / "network.txt").exists()
    assert {path.name for path in drawn.iterdir()} == {
        "M3FD_Detection", "train.txt", "val.txt", "test.txt", "scenes.csv",
    }  # fmt: skip
    assert not list(drawn.rglob("*.cache"))

    setup = setup_of(tmp_path)
    facts, truth = setup.facts(), setup.truth()
    assert facts["images"] == {"train": 8, "val": 8, "test": 8} and len(truth["images"]) == 8
    assert facts["objects"]["test"]["People"] == sum(a["category_id"] == 1 for a in truth["annotations"]) > 0
    all_runs = setup.runs()
    assert [run.method for run in all_runs] == ["ir", "vis", "average", "laplacian", "two-cameras"]
    *all_runs, both = all_runs  # two cameras have no training of their own
    assert both.record()["state"] == "done" and "training" not in both.record()
    found = [run.record() for run in all_runs]
    assert {record["state"] for record in found} == {"done"}
    # One initial state, one schedule, one set of labels; images of each method's own.
    assert len({record["init_sha256"] for record in found}) == 1
    assert len({json.dumps(record["training"]["arguments"]) for record in found}) == 1
    assert len({record["test_sha256"] for record in found}) == 4
    assert len({record["training"]["weights_sha256"] for record in found}) == 4
    assert {len(run.detections()) for run in all_runs} == {8}
    for record in found:
        assert record["training"]["best_epoch"] in (1, 2) and record["training"]["resumed_after"] == []
        assert {"day", "night", "small", "all"} <= record["test"].keys()
    labelled = [sum(row[k] for row in found[0]["confusion"]["counts"]) for k in range(6)]
    assert labelled == list(facts["objects"]["test"].values())

    for words in (
        f"division mine ({facts['split_sha256'][:8]})",
        "±1 0.0 %",
        "±5 ",
        "protocol retrain",
        "yolov8n",
        "initial weights yaml",
        "2 epochs",
        "64 pixels",
        "seed 0",
        "nbs=4",
        f"(n={labelled[0]})",
    ):
        assert words in done.stdout
    absent = [name for name, count in facts["objects"]["test"].items() if not count]
    assert absent and "—" in done.stdout and "nan" not in done.stdout.lower()

    frame = detection.load_detections(tmp_path / "results")
    overall = frame.query("source == 'coco' and subset == 'all' and `class` == 'all' and metric == 'AP50'")
    assert list(overall["method"]) == ["ir", "vis", "average", "laplacian", "two-cameras"]
    assert overall["value"].between(0, 1).all() and set(frame["state"]) == {"done"}
    assert frame[frame["class"] == absent[0]].query("source == 'coco'")["value"].isna().all()
    assert len(detection.load_differences(tmp_path / "results")) == 16  # to two cameras, four other rows, two metrics
    assert detection.load_confusions(tmp_path / "results").query("method == 'vis'")["count"].sum() >= 1
    curves = detection.load_curves(tmp_path / "results")
    assert set(curves["recall"]) == {round(k / 100, 2) for k in range(101)}

    # The report has the same rows, and a page with them, of results without any score.
    shown = bench("report", "--results", tmp_path / "results", "--format", "markdown", "--html", "--data-root", drawn)
    assert shown.exit_code == 0 and not shown.stderr
    text = (tmp_path / "results" / "report" / "report.md").read_text()
    assert text.count("### Detection") == 3 and f"division mine ({facts['split_sha256'][:8]})" in text
    for record in found:
        assert f"{100 * record['test']['all']['AP50']:.1f}" in text
    (board,) = pages.content_of(tmp_path / "results" / "report" / "page", "index")["detection"]
    assert [row["method"] for row in board["rows"]] == ["ir", "vis", "average", "laplacian", "two-cameras"]

    # Images are links into the store, of which nothing was scored.
    links = list((tmp_path / "results" / "detect").glob("*/data/*/images/*/*.png"))
    assert len(links) == 96 and all(link.is_symlink() and link.is_file() for link in links)
    assert summary.rows(cells.existing_cells(tmp_path / "results")) == []
    known = (drawn / "M3FD_Detection" / "splits" / "scenes.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in known] == [f"{k:05d}" for k in range(24)]


def test_what_was_stopped_goes_on_and_what_is_finished_is_kept(detect, tmp_path, monkeypatch):
    from benchmark.detection import offline

    offline.prepare(tmp_path / "ultralytics")
    import torch

    from benchmark.detection import yolo

    call = ("--methods", "vis", "--only")
    save = yolo.Trainer.save_model

    def killed(self):
        save(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(yolo.Trainer, "save_model", killed, raising=False)
        assert detect(*call).exit_code == 130
    run = setup_of(tmp_path).run("vis", 0)
    assert not run.record()
    assert detect(*call).exit_code == 0
    record = run.record()
    assert record["state"] == "done" and record["training"]["resumed_after"] == [1]
    curve = (run.training / "results.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in curve] == ["epoch", "1", "2"]

    # Finished: nothing is trained or evaluated again.
    def refuse(*_, **__):
        raise AssertionError("not to be called")

    with monkeypatch.context() as patched:
        patched.setattr(yolo, "train", refuse)
        patched.setattr(yolo, "detect", refuse)
        assert detect(*call).exit_code == 0
    assert run.record() == record
    # Killed in evaluation: the training is recognised as finished.
    (run.folder / "record.json").unlink()
    with monkeypatch.context() as patched:
        patched.setattr(yolo.Trainer, "_do_train", refuse)
        assert detect(*call).exit_code == 0
    again = run.record()
    assert again["training"] == record["training"] and again["test"] == record["test"]

    # Where the network finds the labels themselves, both ways of computing AP say so: ids, classes and corners of
    # what is stored are those of the images as they are, whatever ultralytics made of them on the way.
    (run.folder / "record.json").unlink()

    def remember(self, batch):
        self.seen_batch = prepare(self, batch)
        return self.seen_batch

    def perfect(self, preds):
        found = [self._prepare_batch(k, self.seen_batch) for k in range(len(self.seen_batch["im_file"]))]
        return [
            {"bboxes": f["bboxes"], "conf": torch.full_like(f["cls"], 0.9), "cls": f["cls"], "extra": f["cls"][:, None]}
            for f in found
        ]

    prepare = yolo.Validator.preprocess
    with monkeypatch.context() as patched:
        patched.setattr(yolo.Validator, "preprocess", remember)
        patched.setattr(yolo.Validator, "postprocess", perfect)
        assert detect(*call).exit_code == 0
    truth, lines = setup_of(tmp_path).truth(), {line["id"]: line for line in run.detections()}
    assert run.record()["test"]["all"]["AP"] == pytest.approx(1, abs=0.02)  # boxes of few pixels lose to rounding
    assert run.record()["ultralytics"]["mAP50"] == pytest.approx(0.995, abs=1e-6)
    for image in truth["images"]:
        boxes = sorted(a["bbox"] for a in truth["annotations"] if a["image_id"] == image["id"])
        found = sorted([x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in lines[image["file_name"]]["boxes"])
        assert len(boxes) == len(found)
        for box, other in zip(boxes, found):
            assert other == pytest.approx(box, abs=0.05)


def test_a_failed_training_is_told_and_the_others_go_on(detect, tmp_path, monkeypatch):
    from benchmark.detection import offline

    offline.prepare(tmp_path / "ultralytics")
    from benchmark.detection import yolo

    train = yolo.Trainer._do_train

    def diverge(self):
        if "/data/ir-" in str(self.args.data):
            raise RuntimeError("loss is not\nfinite")
        train(self)

    with monkeypatch.context() as patched:
        patched.setattr(yolo.Trainer, "_do_train", diverge)
        result = detect("--methods", "ir,vis", "--only")
    assert result.exit_code == 1
    assert "ir: 0 of 1 seeds; seed 0: failed (RuntimeError: loss is not finite)" in result.stdout
    setup = setup_of(tmp_path)
    assert setup.run("ir", 0).record()["state"] == "failed (RuntimeError: loss is not finite)"
    assert setup.run("vis", 0).record()["state"] == "done"
    frame = detection.load_detections(tmp_path / "results")
    assert frame[frame["method"] == "ir"]["value"].isna().all()
    # A broken last state is no state: the training begins anew.
    weights = setup.run("ir", 0).training / "weights"
    weights.mkdir(exist_ok=True)
    (weights / "last.pt").write_bytes(b"torn")
    assert detect("--methods", "ir", "--only").exit_code == 0
    assert setup.run("ir", 0).record()["state"] == "done"
    # All rows in one table; two scenes are too few for an interval.
    first = detection_tables.grids(outcome.read(setup))[0]
    assert [line.name for line in first.lines] == ["ir", "vis", "two-cameras"]
    (gap,) = [k for k, column in enumerate(first.columns) if column.name == "AP − vis [95 %]"]
    assert first.lines[0].entries[gap].text[0] in "+−" and "[" not in first.lines[0].entries[gap].text


def test_frozen_trains_once_and_fuses_what_it_needs(detect, tmp_path):
    result = detect("--methods", "average,max", "--only", "--protocol", "frozen", "--train-on", "vis+ir")
    assert result.exit_code == 0
    assert "protocol frozen (trained on vis+ir)" in result.stdout
    setup = setup_of(tmp_path)
    found = [setup.run(method, 0).record() for method in ("average", "max")]
    assert found[0]["training"] == found[1]["training"]
    assert found[0]["training"]["trained_on"] == "vis+ir" and found[0]["test_sha256"] != found[1]["test_sha256"]
    found = {str(path.parent.relative_to(tmp_path / "results")) for path in tmp_path.glob("results/m3fd@*/*/run.json")}
    tests = {f"m3fd@mine-test/{method}" for method in ("average", "max")}
    assert found == tests | {f"m3fd@mine-{part}/{method}" for part in ("train", "val") for method in ("vis", "ir")}
    (data,) = (tmp_path / "results" / "detect").glob("*/data/vis+ir-*")
    sources = {link.name: os.readlink(link) for link in (data / "images" / "train").iterdir()}
    assert ["/vis/colour/" in sources[f"{k:05d}.png"] for k in range(8)] == [True, False] * 4
    assert ["/ir/fused/" in sources[f"{k:05d}.png"] for k in range(8)] == [False, True] * 4


def test_dry_run_does_nothing(detect, tmp_path):
    result = detect("--dry-run")
    assert result.exit_code == 0 and "6 trainings of yolov8n from yaml, 2 epochs" in result.stdout
    assert "m3fd@mine-test laplacian: 8 of 8 pairs to fuse" in result.stdout
    assert not list(tmp_path.glob("results/m3fd@*"))


def test_labels_of_ones_own(detect, drawn, tmp_path):
    """Told, in place of the set's own; what is no labels is one line."""
    rows = [{"id": k, "file_name": f"{k}.png", "width": 128, "height": 96} for k in range(23)]
    found = [{"id": k, "image_id": k, "category_id": 1, "bbox": [9, 9, 20, 20], "iscrowd": k % 2} for k in range(23)]
    path = tmp_path / "l.json"
    path.write_text(json.dumps({"images": rows, "annotations": found, "categories": [{"id": 1, "name": "cars"}]}))
    result = detect("--labels", path, "--dry-run")
    assert result.exit_code == 0 and "train 8, val 8, test 7" in result.stdout
    assert "labels from l.json: 23 images of m3fd, 23 objects" in result.stderr
    assert "m3fd@mine: 11 × region marked crowd" in result.stderr
    assert "m3fd@mine: 00023 left out: is not in the labels" in result.stderr
    path.write_text("[]")
    one_error(detect("--labels", path, "--dry-run"), f"--labels {path}: holds a list; expected COCO labels")


def test_detectors_are_listed(bench, tmp_path):
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo" / "yolov8s.pt").write_bytes(b"")
    lines = {line.split()[0]: line for line in bench("ls", "detectors", "--weights-root", tmp_path).output.splitlines()}
    assert "n, s, m, l, x" in lines["yolov8"] and "yolov8s.pt" in lines["yolov8"]
    for name in ("yolov8n", "yolov10b", "yolov8n-p2", "yolov9c", "yolo26x", "rtdetr-l", "rtdetr-resnet50"):
        initial_weights.check_detector(name)
    assert lines["yolo26"].rstrip().endswith("no") and "yolov8-seg" not in lines


@pytest.mark.parametrize(
    "more, words",
    [
        (("--detector", "yolov8q"), ("unknown detector 'yolov8q'", "yolov8n")),
        (("--methods", "averge"), ("unknown method", "did you mean average")),
        (("--init", "missing.pt"), ("--init missing.pt: no such file or folder",)),
        (("--init", "."), ("--init .: holds no yolov8n.pt",)),
        (("--detector", "yolov8n,yolov8q"), ("unknown detector 'yolov8q'",)),
        (("--methods", "two-cameras=cmd:cp {ir} {vis} {out}"), ("two-cameras is the row of both cameras",)),
        (("--init", "pretrained"), ("--weights-root",)),
        (("--seeds", "0,x"), ("expected whole numbers",)),
        (("--device", "gpu"), ("--device gpu",)),
        (("--argument", "mosiac=0"), ("unknown argument of training", "did you mean mosaic")),
        (("--argument", "epochs=3"), ("unknown argument of training",)),
        (("--argument", "mosaic=x"), ("--argument mosaic=x",)),
        (("--split", "scene"), ("own lists",)),
        (("--train-on", "vis"), ("--protocol frozen",)),
        (("--name", "a/b"), ("--name a/b",)),
        (("--name", "scene"), ("--name scene: m3fd has a split scene-test of its own",)),
    ],
)
def test_mistakes_are_told_in_one_line(detect, more, words):
    one_error(detect(*more), *words)


def test_pretrained_weights_are_taken_where_they_fit(detect, tmp_path):
    from benchmark.detection import offline

    offline.prepare(tmp_path / "ultralytics")
    import torch

    from benchmark.detection import yolo

    names = ["a", "b", "c"]
    yolo.save_init(tmp_path / "yolo" / "yolov8n.pt", "yolov8n", names, 7, None)
    origin = initial_weights.find("yolov8n", "auto", tmp_path)
    assert origin.text.startswith("yolov8n.pt (") and initial_weights.find("yolov8n", "yaml", tmp_path).file is None
    assert initial_weights.find("yolov8n", "auto", None).text == "yaml"
    # Of another number of classes: all but the layers that name them is taken over.
    yolo.save_init(tmp_path / "init.pt", "yolov8n", ["x", "y"], 0, origin.file)
    given, made = (torch.load(p, weights_only=False)["model"].state_dict() for p in (origin.file, tmp_path / "init.pt"))
    same = [name for name in made if made[name].shape == given[name].shape and torch.equal(made[name], given[name])]
    assert len(same) > 0.95 * len(made)
    # One seed, one state; another seed, another one.
    first = yolo.save_init(tmp_path / "s0.pt", "yolov8n", names, 0, None)
    assert first == yolo.save_init(tmp_path / "s0b.pt", "yolov8n", names, 0, None)
    assert first != yolo.save_init(tmp_path / "s1.pt", "yolov8n", names, 1, None)
