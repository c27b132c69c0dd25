"""Average precision, confusion and differences: against a case computed by hand, and against COCO's code."""

import contextlib
import io

import numpy as np
import pytest
from detection_cases import lines_of, random_case, truth_of
from scipy import stats

pytest.importorskip("faster_coco_eval", reason="needs the extra 'detect'")

from benchmark.detection import jackknife, precision

# Two people; the most confident detection finds one, the second is a false alarm, the third finds the other with an
# IoU of exactly 0.8. So precision is 1 up to a recall of 1/2 and 2/3 from there on, while IoU up to 0.8 is asked for.
HAND = {"a": [(10, 10, 50, 90, 0), (100, 10, 140, 90, 0)]}
FOUND = {"a": [(10, 10, 50, 90, 0, 0.9), (200, 100, 240, 180, 0, 0.8), (100, 10, 140, 74, 0, 0.7)]}


def test_average_precision_by_hand():
    figures, curves = precision.evaluate(truth_of(HAND), lines_of(FOUND))
    # COCO reads precision at recalls of 0, 0.01, …, 1: 51 of them are at most 1/2.
    both, one = (51 + 50 * 2 / 3) / 101, 51 / 101
    assert figures["all"]["AP50"] == pytest.approx(both, abs=1e-12)
    # IoU 0.5, 0.55, …, 0.8: seven thresholds with both found; 0.85, 0.9, 0.95 with one.
    assert figures["all"]["AP"] == pytest.approx((7 * both + 3 * one) / 10, abs=1e-12)
    assert curves["People"]["AP50"] == pytest.approx([1.0] * 51 + [0.66667] * 50)


def test_ultralytics_average_precision_by_hand(tmp_path):
    from benchmark.detection import offline

    offline.prepare(tmp_path)
    from ultralytics.utils import metrics

    tp = np.array([[True], [False], [True]])
    ap = metrics.ap_per_class(tp, np.array([0.9, 0.8, 0.7]), np.zeros(3), np.zeros(2))[5]
    # The area under the same precisions, by trapezoids of width 0.01 between recalls: 1 up to 0.49, from there to
    # 2/3 at 0.5, and from 0.99 to 0 at 1.
    expected = 0.49 + 0.01 * (1 + 2 / 3) / 2 + 0.49 * 2 / 3 + 0.01 * (2 / 3) / 2
    assert float(ap[0, 0]) == pytest.approx(expected, abs=1e-6)


def test_a_class_without_instances_has_no_figure():
    figures, curves = precision.evaluate(truth_of(HAND), lines_of(FOUND))
    assert figures["all"]["classes"]["Car"] == {"instances": 0, "AP": None, "AP50": None, "AP75": None}
    assert figures["all"]["classes"]["People"]["instances"] == 2
    assert figures["all"]["AP50"] == figures["all"]["classes"]["People"]["AP50"]  # a mean over one class, not two
    assert list(curves) == ["People"]
    assert figures["large"]["AP"] is None and figures["large"]["instances"] == 0
    assert figures["medium"]["instances"] == 2  # 40x80 pixels


def test_curves_are_in_the_order_of_the_classes():
    truth, lines = random_case(1)
    _, curves = precision.evaluate(truth, lines)
    assert list(curves) == ["c0", "c1", "c2"], "of the fourth there is no instance"


def test_what_is_kept_of_a_detection_is_rounded():
    corners = np.array([[1.234, 2.345678, 30.005001, 40]])
    line = precision.line("a", corners, np.array([0.12345678]), np.array([1.0]))
    assert line == {"id": "a", "boxes": [[1.23, 2.35, 30.01, 40.0]], "scores": [0.123457], "classes": [1]}


def test_what_is_as_large_as_a_bound_belongs_to_both_sizes():
    boxes = {"a": [(0, 0, 32, 32, 0), (40, 0, 71, 33, 0), (80, 0, 176, 96, 0), (0, 100, 96, 197, 0)]}
    figures, _ = precision.evaluate(truth_of(boxes), [])
    # 1024, 1023, 9216 and 9312 pixels.
    assert [figures[size]["instances"] for size in ("small", "medium", "large")] == [2, 2, 2]
    everything = {"a": [(*box, 0.9) for box in boxes["a"]]}
    figures, _ = precision.evaluate(truth_of(boxes), lines_of(everything))
    assert [figures[size]["AP"] for size in ("small", "medium", "large")] == [1, 1, 1]


def test_times_of_day_are_apart():
    boxes = {"d": [(10, 10, 50, 50, 0)], "n": [(10, 10, 50, 50, 0)]}
    found = {"d": [(10, 10, 50, 50, 0, 0.9)], "n": []}
    figures, _ = precision.evaluate(truth_of(boxes, times={"d": "day", "n": "night"}), lines_of(found))
    assert figures["day"]["AP"] == 1 and figures["night"]["AP"] == 0
    assert figures["day"]["images"] == figures["night"]["instances"] == 1


def test_the_hundred_most_confident_detections_are_kept():
    rows = [(0, 0, 10, 10, 0, 1 - k / 1000) for k in range(150)]
    (line,) = lines_of({"a": rows})
    assert len(line["boxes"]) == len(line["scores"]) == len(line["classes"]) == 100
    assert min(line["scores"]) == pytest.approx(1 - 99 / 1000)


@pytest.mark.parametrize("seed", range(3))
def test_same_as_pycocotools(seed):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    truth, lines = random_case(seed)
    figures, _ = precision.evaluate(truth, lines)
    with contextlib.redirect_stdout(io.StringIO()):
        labelled = coco.COCO()
        labelled.dataset = truth
        labelled.createIndex()
        run = COCOeval(labelled, labelled.loadRes(precision._results(truth, lines)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    for subset, at in (("all", 0), ("small", 3), ("medium", 4), ("large", 5)):
        assert figures[subset]["AP"] == pytest.approx(run.stats[at], abs=1e-12)
    assert figures["all"]["AP50"] == pytest.approx(run.stats[1], abs=1e-12)
    assert figures["all"]["AP75"] == pytest.approx(run.stats[2], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_jackknife_computes_cocos_figure(seed):
    truth, lines = random_case(seed)
    expected = precision.evaluate(truth, lines)[0]["all"]
    found = jackknife.average_precision(jackknife.matches(truth, lines), np.ones((1, len(lines)), int))
    assert found.mean() == pytest.approx(expected["AP"], abs=1e-12)
    assert found[0, 0] == pytest.approx(expected["AP50"], abs=1e-12)
    # An image that is drawn twice counts as two images do.
    twice = [*lines, *({**line, "id": line["id"] + "b"} for line in lines[:7])]
    images = [*truth["images"], *({**i, "id": i["id"] + 1000, "file_name": i["file_name"] + "b"}
                                  for i in truth["images"][:7])]  # fmt: skip
    first = {image["id"] for image in truth["images"][:7]}
    again = [
        {**a, "id": a["id"] + 10000, "image_id": a["image_id"] + 1000}
        for a in truth["annotations"]
        if a["image_id"] in first
    ]
    doubled = {**truth, "images": images, "annotations": truth["annotations"] + again}
    weights = np.ones((1, len(lines)), int)
    weights[0, :7] = 2
    expected = precision.evaluate(doubled, twice)[0]["all"]["AP50"]
    # Ties of score may fall differently, since doubled images stand at the end there.
    assert jackknife.average_precision(jackknife.matches(truth, lines), weights)[0, 0] == pytest.approx(
        expected, abs=0.01
    )


def test_difference_leaves_out_scenes():
    truth, lines = random_case(5, images=40)
    leaving_out = jackknife.LeavingOut(truth)
    full = leaving_out.of(lines)["AP"]
    # Scenes are left out whole, all five images of one, and AP is COCO's on the rest.
    weights = leaving_out.weights[1:].reshape(8, 8, 5)
    assert (weights == 1 - np.eye(8, dtype=int)[:, :, None]).all()
    kept = [line for line, image in zip(lines, truth["images"]) if image["scene"] != truth["images"][0]["scene"]]
    names = {line["id"] for line in kept}
    images = [image for image in truth["images"] if image["file_name"] in names]
    ids = {image["id"] for image in images}
    rest = {**truth, "images": images, "annotations": [a for a in truth["annotations"] if a["image_id"] in ids]}
    assert precision.evaluate(rest, kept)[0]["all"]["AP"] == pytest.approx(full[1], abs=1e-12)
    worse = leaving_out.of([{**line, "scores": [], "boxes": [], "classes": []} for line in lines])["AP"]
    gap = leaving_out.difference([worse], [full])
    assert gap.value == pytest.approx(-full[0]) and gap.low < gap.value < gap.high < 0
    same = leaving_out.difference([full, full], [full])
    assert same.value == same.low == same.high == 0  # paired: no spread is left between a method and itself


def test_interval_of_a_difference_by_hand():
    """Of eight equal scenes it is Student's, of what is left out times seven."""
    leaving_out = jackknife.LeavingOut(random_case(5, images=40)[0])
    moved = np.array([5.0, 1, -1, -1, -1, -1, -1, -1]) / 100
    a, b = np.full(9, 0.6), np.full(9, 0.5)
    a[1:] -= moved
    gap = leaving_out.difference([a], [b])
    half = stats.t.ppf(0.975, 7) * np.sqrt(7 / 8 * (moved**2).sum())
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.1, 0.1 - half, 0.1 + half))
    # The rows may stand for seeds, of which the mean is taken.
    assert leaving_out.difference([2 * a, 0 * a], [b]) == gap


def test_no_interval_for_few_scenes():
    truth = random_case(5, images=30)[0]  # six scenes
    leaving_out = jackknife.LeavingOut(truth)
    found = leaving_out.of([{"id": i["file_name"], "scores": [], "boxes": [], "classes": []} for i in truth["images"]])
    assert leaving_out.difference([found["AP50"]], [found["AP50"]]) == jackknife.Difference(0.0, None, None)


def test_confusion_counts_every_box_and_every_sure_detection():
    boxes = {"a": [(0, 0, 40, 40, 0), (100, 0, 140, 40, 1), (200, 0, 240, 40, 1)], "b": []}
    found = {
        "a": [(0, 0, 40, 40, 1, 0.9), (101, 0, 140, 40, 1, 0.8), (0, 0, 40, 40, 0, 0.7), (200, 0, 240, 40, 1, 0.2)],
        "b": [(5, 5, 25, 25, 0, 0.6)],
    }
    counts = precision.confusion(truth_of(boxes), lines_of(found))
    # predicted People: on taken people, and on nothing; Car: on people, on a car; nothing: the car found too unsurely.
    assert counts == [[0, 0, 2], [1, 1, 0], [0, 1, 0]]


def test_confusion_takes_what_is_just_sure_enough_and_just_overlaps_enough():
    boxes = {
        "sure": [(0, 0, 40, 40, 0), (100, 0, 140, 40, 0)],
        "overlap": [(0, 0, 40, 40, 0), (100, 0, 140, 40, 0)],
        "most": [(0, 0, 40, 40, 0), (10, 0, 50, 40, 1)],
    }
    found = {
        "sure": [(0, 0, 40, 40, 0, 0.25), (100, 0, 140, 40, 0, 0.2499)],
        "overlap": [(0, 0, 40, 20, 0, 0.9), (100, 0, 140, 19, 0, 0.9)],  # IoU 0.5 and 0.475
        # Both overlap both by more than a half. The first takes the car, which leaves the people for the second.
        "most": [(9, 0, 49, 40, 1, 0.9), (8, 0, 48, 40, 0, 0.8)],
    }
    lines = lines_of(found)
    by_image = {
        id: precision.confusion(truth_of({id: boxes[id]}), [line for line in lines if line["id"] == id]) for id in boxes
    }
    assert by_image == {
        "sure": [[1, 0, 0], [0, 0, 0], [1, 0, 0]],
        "overlap": [[1, 0, 1], [0, 0, 0], [1, 0, 0]],
        "most": [[1, 0, 0], [0, 1, 0], [0, 0, 0]],
    }
    total = precision.confusion(truth_of(boxes), lines)
    assert total == np.sum(list(by_image.values()), axis=0).tolist()
