"""Results with pictures, written down: what pages are tested on."""

import json
import os

import detected
import numpy as np
from PIL import Image

from benchmark.store import cells, files

METRICS = {"EN": 1, "MSE": -1, "VIF": 1}
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
HOSTILE_METHOD = "m\"'><img src=x onerror=window.hacked=1>"
HOSTILE_ID = "%41#?&'\"><b>\u2028 ü"


def write(
    results,
    place,
    methods,
    ids,
    protocols=("standard",),
    seed=0,
    size=(48, 64),
    kinds=("fused", "colour"),
    title=str.title,
):
    """Cells of `methods`, one better than the other by every metric, with a picture of each pair in each: grey
    gradients that tell methods and pairs apart."""
    random = np.random.default_rng(seed)
    dataset, _, split = place.partition("@")
    base = random.normal(5, 1, (len(ids), len(METRICS)))
    for number, method in enumerate(methods):
        cell = cells.Cell(results, dataset, split, method)
        cell.folder.mkdir(parents=True)
        cell.write_run(
            {
                "dataset": dataset,
                "name": method,
                "title": title(method),
                "version": "1",
                "checkpoint": {"file": f"{number}.pth", "sha256": f"{number:064d}"},
                "n": len(ids),
                "protocols": list(protocols),
                "metrics": METRICS,
                "failed": {},
                "split_sha256": "0" * 64,
                "metrics_version": "1",
                "runs": [
                    {
                        "command": f"bench run --methods {method}",
                        "device": "cpu",
                        "start": "2026-01-01T00:00:00+00:00",
                        "git": "c0ffee",
                        "packages": {"numpy": "2.0"},
                    }
                ],
            }
        )
        lines = []
        for protocol in protocols:
            for id, values in zip(ids, base):
                scores = values + np.array([0.3, -0.3, 0.3]) * number + random.normal(0, 0.05, 3)
                scores = {metric: float(value) for metric, value in zip(METRICS, scores)}
                lines.append((id, protocol, scores))
        for kind in kinds:
            (cell.folder / kind).mkdir()
            for row, id in enumerate(ids):
                ramp = np.add.outer(np.arange(size[0]) * (row + 1), np.arange(size[1]) * (number + 1)) % 256
                pixels = ramp.astype(np.uint8)
                if kind == "colour":
                    pixels = np.stack([pixels, pixels // 2, 255 - pixels], axis=2)
                Image.fromarray(pixels).save(cell.folder / kind / f"{id}.png")
        files.write_lines(
            cell.scores_file,
            [
                cells.score_line(id, protocol, "k-k", files.file_sha256(cell.fused(id)) or "0", scores, {})
                for id, protocol, scores in lines
            ],
        )


def saved_as(results, dataset, split, outputs, same):
    """Make the records say how images were saved. outputs: method -> output; same: those whose native one is raw."""
    for method, output in outputs.items():
        cell = cells.Cell(results, dataset, split, method)
        native = "" if method in same else "stretched from its minimum to its maximum"
        cell.write_run({**cell.run(), "name": method.partition("+")[0], "output": output, "native": native})


def write_objects(results, dataset, ids, methods, size=(64, 48)):
    """A setup of `bench detect`: two labelled objects in each pair; every method finds one, at 0.9, and something else
    below any threshold."""
    folder = results / "detect" / f"{dataset}@official" / "yolov8n-retrain-0123abcd"
    folder.mkdir(parents=True)
    facts = detected.facts(dataset, "official", methods, classes=("People", "Car"))
    (folder / "setup.json").write_text(json.dumps(facts))
    images = [{"id": k, "file_name": id, "width": size[0], "height": size[1]} for k, id in enumerate(ids, start=1)]
    boxes = [(image["id"], box) for image in images for box in ([4, 6, 20, 10, 1], [30, 10, 12, 30, 2])]
    annotations = [
        {"id": k, "image_id": image, "category_id": c, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0}
        for k, (image, (x, y, w, h, c)) in enumerate(boxes, start=1)
    ]
    categories = [{"id": 1, "name": "People"}, {"id": 2, "name": "Car"}]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "truth.json").write_text(json.dumps(truth))
    for method in methods:
        run = folder / method / "seed0"
        run.mkdir(parents=True)
        found = {"boxes": [[5, 6, 24, 16], [0, 0, 9, 9]], "scores": [0.9, 0.05], "classes": [0, 1]}
        files.write_lines(run / "detections.jsonl", [{"id": id, **found} for id in ids])
        classes = {
            name: {"instances": len(ids), "AP": ap, "AP50": ap, "AP75": ap}
            for name, ap in (("People", 0.5), ("Car", 0.25))
        }
        test = {subset: {**found, "classes": classes} for subset, found in detected.figures(0.5).items()}
        (run / "record.json").write_text(json.dumps(detected.record(method, 0, 0.5, test=test)))
        recall = [k / 100 for k in range(101)]
        precision = {name: {"AP50": [1 - r / 2 for r in recall], "AP": recall} for name in ("People", "Car")}
        (run / "curves.json").write_text(json.dumps({"recall": recall, "precision": precision}))
    return folder


def content_of(page, name):
    """The value that a script of the page's data provides."""
    text = (page / "data" / f"{name}.js").read_text(encoding="ascii")
    start = f"provide({json.dumps(name)}, "
    assert text.startswith(start) and text.endswith(");\n")
    return json.loads(text[len(start) : -len(");\n")])


def large(results, methods, images, side=(480, 640)):
    """A store of many pictures that takes little room: the same few files under all names."""
    ids = [f"{k:05d}" for k in range(images)]
    names = ["ir", "vis", *(f"method{k:02d}" for k in range(methods - 2))]
    write(results, "big@test", names, ids, kinds=())
    random = np.random.default_rng(0)
    smooth = Image.fromarray(random.integers(0, 256, (side[0] // 16, side[1] // 16), dtype=np.uint8))
    picture = results / "big.png"
    smooth.resize(side[::-1], Image.Resampling.BICUBIC).save(picture)
    for name in names:
        folder = results / "big@test" / name / "fused"
        folder.mkdir()
        for id in ids:
            os.link(picture, folder / f"{id}.png")
