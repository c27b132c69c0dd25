"""The public functions: names, arguments, undefined values, and one clear line for each mistake."""

import gc
import math
import subprocess
import sys
import weakref

import numpy as np
import pytest

import metrics
from metrics import evaluation
from metrics.images import to_levels


def test_core_metrics_are_finite_under_both_protocols(triple):
    for protocol in ("standard", "cddfuse"):
        values = metrics.evaluate(*triple, protocol=protocol)
        assert tuple(values) == metrics.CORE
        assert all(isinstance(v, float) and math.isfinite(v) for v in values.values())


def test_pair_scores_as_evaluate_does(triple):
    fused, ir, vis = triple
    for protocol in metrics.protocols():
        pair = metrics.Pair(ir, vis, protocol)
        for image in (fused, vis, fused):
            assert pair.score(image) == metrics.evaluate(image, ir, vis, protocol=protocol)


@pytest.mark.parametrize("protocol", list(metrics.protocols()))
def test_a_pair_keeps_nothing_of_the_images_that_it_scored(triple, protocol):
    fused, ir, vis = triple
    pair = metrics.Pair(ir, vis, protocol)
    names = [name for name in metrics.names(protocol) if not metrics.unavailable(name)]

    def kept() -> int:
        known, seen, waiting = 0, set(), [source.cache for pair in pair._sources.values() for source in pair]
        while waiting:
            thing = waiting.pop()
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            known += 1
            waiting += thing.values() if isinstance(thing, dict) else []
            waiting += list(thing) if isinstance(thing, dict | tuple | list) else []
            waiting += [thing.cache] if hasattr(thing, "cache") else []
        return known

    pair.score(fused, names)
    after_one = kept()
    for image in (vis, ir // 2, fused):
        pair.score(image, names)
    assert kept() == after_one


def test_a_scored_image_is_freed_at_once(triple, monkeypatch):
    images = []

    class Watched(evaluation.Image):
        def __init__(self, levels):
            super().__init__(levels)
            images.append(weakref.ref(self))

    fused, ir, vis = triple
    monkeypatch.setattr(evaluation, "Image", Watched)
    gc.disable()
    try:
        for protocol in metrics.protocols():
            images.clear()
            names = [name for name in metrics.names(protocol) if not metrics.unavailable(name)]
            pair = metrics.Pair(ir, vis, protocol)
            pair.score(fused, names)
            assert sum(reference() is not None for reference in images) == 2, protocol
            del pair
            assert not any(reference() for reference in images), protocol
    finally:
        gc.enable()


def test_layout_and_dtype_of_the_arrays_do_not_matter(triple):
    expected = metrics.evaluate(*triple)
    read_only = [image.copy() for image in triple]
    for image in read_only:
        image.flags.writeable = False
    wide = [np.repeat(np.repeat(image, 2, axis=0), 3, axis=1)[::2, ::3] for image in triple]
    assert not wide[0].flags.c_contiguous
    assert metrics.evaluate(*read_only) == expected
    assert metrics.evaluate(*wide) == expected
    assert metrics.evaluate(*[np.asfortranarray(image) for image in triple]) == expected
    for dtype in (np.int32, np.float32, np.float64):
        assert metrics.evaluate(*[image.astype(dtype) for image in triple]) == expected


def test_floats_are_rounded_to_the_nearest_level_halves_to_even():
    levels = np.arange(256, dtype=np.float64)
    for dtype in (np.float32, np.float64):
        for shift in (-0.499, -0.01, 0, 0.01, 0.499):
            moved = (levels + shift).clip(0, 255).astype(dtype)[None]
            np.testing.assert_array_equal(to_levels(moved, "fused")[0], levels)
    halves = to_levels(levels[None, :-1] + 0.5, "fused")[0]
    np.testing.assert_array_equal(halves, 2 * (np.arange(255) // 2 + np.arange(255) % 2))


@pytest.mark.parametrize("grey", [(), (0,), (1,), (2,), (1, 2)])
def test_colours_are_scored_channel_by_channel(triple, grey):
    """The mean over the channels, grey images serving as each of them; SF is of the channels side by side."""
    colours = [np.dstack([image, image // 2 + 40, 255 - image // 3]) for image in triple]
    images = [triple[k] if k in grey else colours[k] for k in range(3)]
    channels = [[image if image.ndim == 2 else image[..., c] for image in images] for c in range(3)]
    names = ["EN", "MI", "Qabf", "SSIM", "RMSE"]
    values = metrics.evaluate(*images, [*names, "SF"], "vifb")
    each = [metrics.evaluate(*channel, names, "vifb") for channel in channels]
    assert values == pytest.approx(
        {name: np.mean([one[name] for one in each]) for name in names}
        | {"SF": metrics.evaluate(*(np.hstack(side) for side in zip(*channels)), ["SF"], "vifb")["SF"]},
        rel=1e-12,
    )
    assert len({round(one["EN"], 6) for one in each}) == (1 if 0 in grey else 3)


@pytest.mark.parametrize("wanted", ["EN", ["EN"], ("EN",)])
def test_one_name_may_stand_alone(triple, wanted):
    assert list(metrics.evaluate(*triple, wanted)) == ["EN"]


def test_names_may_be_spelt_loosely_and_come_back_as_asked(triple):
    values = metrics.evaluate(*triple, metrics=["qabf", "En"])
    assert list(values) == ["qabf", "En"]
    assert values["qabf"] == metrics.evaluate(*triple, metrics=["Qabf"])["Qabf"]


def test_cards_are_complete():
    for name in metrics.names():
        card = metrics.card(name)
        assert card.name == name
        assert card.direction in (-1, 0, 1)
        assert set(card.protocols) <= set(metrics.protocols())
        assert all((card.title, card.year, card.range, card.unit, card.source, card.doc, card.protocols))
        assert all(card.protocols.values())
        assert not any("|" in text for text in card.protocols.values()), "they stand in a table"
    for protocol in metrics.protocols():
        assert all(protocol in metrics.card(name).protocols for name in metrics.names(protocol))


def undefined(fused, ir, vis, protocol):
    reasons = {}
    values = metrics.evaluate(fused, ir, vis, protocol=protocol, reasons=reasons)
    assert {name for name, value in values.items() if math.isnan(value)} == set(reasons)
    return values, reasons


@pytest.mark.parametrize("protocol", ["standard", "cddfuse"])
def test_constant_images(protocol):
    grey = np.full((64, 64), 128, np.uint8)
    values, reasons = undefined(grey, grey, grey, protocol)
    assert (values["EN"], values["SD"], values["SF"], values["MI"], values["SSIM"]) == (0, 0, 0, 0, 2)
    assert math.copysign(1, values["EN"]) == 1
    assert "constant" in reasons["SCD"]
    if protocol == "standard":
        assert "constant" in reasons["VIF"]
    else:
        assert values["VIF"] == 2


def test_a_copied_source_leaves_nothing_of_the_other(triple):
    """SCD of F = A is r(A - B, A) + 0."""
    a, b = (image.astype(float) for image in triple[1:])
    value = metrics.evaluate(triple[1], triple[1], triple[2], ["SCD"])["SCD"]
    assert value == pytest.approx(np.corrcoef((a - b).ravel(), a.ravel())[0, 1], rel=1e-9)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_constant_images_have_no_edges(level):
    flat = np.full((64, 64), level, np.uint8)
    reasons = {}
    metrics.evaluate(flat, flat, flat, ["Qabf", "Qcv"], reasons=reasons)
    assert "edge" in reasons["Qabf"] and "edge" in reasons["Qcv"]


def test_identical_images(triple):
    image = triple[0]
    values, reasons = undefined(image, image, image, "standard")
    assert not reasons
    assert values["SCD"] == 0
    assert "constant" in undefined(image, image, image, "cddfuse")[1]["SCD"]
    assert values["SSIM"] == pytest.approx(2, abs=1e-12)
    assert values["VIF"] == pytest.approx(2, abs=1e-9)
    assert values["MI"] == pytest.approx(2 * values["EN"], rel=1e-12)
    perfect = 0.9994 / (1 + np.exp(-7.5)) * 0.9879 / (1 + np.exp(-4.4))
    assert values["Qabf"] == pytest.approx(perfect, rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 3), (8, 8), (16, 16), (41, 40)])
def test_small_images_are_scored_or_refused_with_the_size(shape):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, *shape), dtype=np.uint8)
    _, reasons = undefined(*images, "standard")
    assert "41" in reasons["VIF"]
    assert ("SSIM" in reasons) == (min(shape) < 11)
    assert ("SF" in reasons) == (min(shape) < 2)


# The shorter side from which on a metric is defined: the largest window, and of scales the smallest image.
SMALLEST = {
    **dict.fromkeys(("AG", "SF", "Nabf", "Labf", "Qsf"), 2),
    **dict.fromkeys(("FMI_none", "FMI_gradient", "FMI_edge", "FMI_dct", "FMI_wavelet", "Qabf", "Qg"), 3),
    **{"Qm": 4, "Qc": 7, "Qy": 7, "Qs": 8, "Qw": 8, "Qe": 10, "Qp": 11, "SSIM": 11, "MEF-SSIM": 11},
    **{"VIF": 41, "VIFF": 41, "MEF-MS-SSIM": 44, "MS-SSIM": 161},
}
# Where a protocol has another one, or none: zeros beyond the border.
OTHERWISE = {
    ("SSIM", "cddfuse"): 7,
    **{(name, "liu2012"): 11 for name in ("Qs", "Qw", "Qc", "Qy")},
    **{("MS-SSIM", protocol): 44 for protocol in ("tang2023", "tang2022", "hli")},
    **{("Qabf", protocol): 1 for protocol in metrics.protocols() if protocol != "standard"},
    **dict.fromkeys((("SF", "vifb"), ("SSIM", "tang2023"), ("SSIM", "hli"), ("Qg", "liu2012")), 1),
    **dict.fromkeys((("Qp", "liu2012"), ("Qy", "ivifzoo"), ("VIF", "ivifzoo")), 1),
}


@pytest.mark.parametrize("protocol", list(metrics.protocols()))
def test_the_smallest_size_of_each_metric(protocol):
    rng, wrong = np.random.default_rng(0), {}
    for name in metrics.names(protocol):
        if metrics.unavailable(name):
            continue
        side = OTHERWISE.get((name, protocol), SMALLEST.get(name, 1))
        for shape, small in (((side, side + 3), False), ((side + 3, side), False), ((side - 1, side + 3), True)):
            reasons = {}
            if min(shape):
                images = rng.integers(0, 256, (3, *shape), dtype=np.uint8)
                metrics.evaluate(*images, [name], protocol, reasons)
            if reasons.get(name, "").startswith("needs at least") != (small and side > 1):
                wrong[name, shape] = reasons
    assert not wrong


GOOD = np.arange(64, dtype=np.uint8).reshape(8, 8)


@pytest.mark.parametrize(
    "fused, message",
    [
        (np.zeros((8, 9), np.uint8), r"expected the size of its sources, \(8, 8\); got \(8, 9\)"),
        (np.zeros((8, 8, 3), np.uint8), "expected grey"),
        (np.zeros((8, 8, 4), np.uint8), r"got shape 8x8x4"),
        (np.zeros(64, np.uint8), r"got shape 64$"),
        (np.zeros((0, 8), np.uint8), r"got shape 0x8"),
        (np.full((8, 8), np.nan), "NaN"),
        (np.full((8, 8), np.inf), "infinite"),
        (GOOD - 1.0, "-1..62"),
        (GOOD.astype(np.uint16) * 100, "0..6300"),
        (GOOD / 255, "multiply by 255"),
        (GOOD > 3, "dtype bool"),
        (GOOD.astype(complex), "dtype complex128"),
        ("fused.png", "dtype <U9"),
        (None, "dtype object"),
    ],
)
def test_wrong_images_are_refused_in_one_line(fused, message):
    with pytest.raises(ValueError, match=message) as caught:
        metrics.evaluate(fused, GOOD, GOOD)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("fused: expected")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"metrics": ["Qabff"]}, "unknown metric 'Qabff': did you mean Qabf"),
        ({"metrics": [3]}, "unknown metric '3'"),
        ({"protocol": "cdfuse"}, "unknown protocol 'cdfuse': did you mean cddfuse"),
        ({"metrics": ["SCD"], "protocol": "vifb"}, "SCD is not defined by protocol vifb; it is by standard"),
    ],
)
def test_wrong_names_are_answered_in_one_line(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        metrics.evaluate(GOOD, GOOD, GOOD, **options)
    assert "\n" not in str(caught.value)


def test_sources_of_different_size_are_refused():
    with pytest.raises(ValueError, match="two sources of one size"):
        metrics.Pair(GOOD, GOOD[:4])


def test_scoring_imports_neither_torch_nor_the_other_rooms():
    code = """
import sys, numpy, metrics
x = numpy.arange(4096, dtype="uint8").reshape(64, 64)
metrics.evaluate(x, x, x.T)
assert not {"torch", "baselines", "benchmark", "skimage", "pandas"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
