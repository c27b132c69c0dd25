"""What must hold of the metrics whatever the images: hypothesis draws small ones, a few large ones are fixed."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from metric_scenes import scene

import metrics

HERE = [name for name in metrics.names("standard") if not metrics.unavailable(name)]
OF_F_ALONE = {"EN", "SD", "SF", "AG", "EI", "NIQE", "BRISQUE", "MUSIQ"}

# Bounds under `standard` that follow from the definitions.
BOUNDS = {
    "EN": (0, 8),
    "SD": (0, 127.5),
    "SF": (0, 360.7),
    "AG": (0, 255),
    "EI": (0, 1140.5),
    "MI": (0, 16),
    "NMI": (0, 2),
    "Qncie": (0.8, 1),
    "CC": (-1, 1),
    "MSE": (0, 255**2),
    "RMSE": (0, 255),
    "SCD": (-2, 2),
    "SSIM": (-2, 2),
    "MS-SSIM": (0, 2),
    "MEF-SSIM": (-1, 1),
    "MEF-MS-SSIM": (0, 1),
    "Qs": (-1, 1),
    "Qw": (-1, 1),
    "Qe": (-1, 1),
    "Qc": (-1, 1),
    "Qy": (-1, 1),
    "VIF": (0, math.inf),
    "VIFF": (0, math.inf),
    "Qabf": (0, 0.9749),
    "Nabf": (0, 1),
    "Labf": (0, 1),
    "Qg": (0, 0.9867),
    "Qm": (0, 3),
    "Qsf": (-1, math.inf),
    "CE": (0, math.inf),
    "Qte": (0, 2),
    "Qcv": (0, math.inf),
    "Qcb": (0, 1),
    "FMI_edge": (-1e-9, 1 + 1e-9),
}


def smooth(image: np.ndarray) -> np.ndarray:
    return np.rint(cv2.GaussianBlur(image.astype(float), (5, 5), 1.2)).astype(np.uint8)


def triples(side_from: int = 16, side_to: int = 48):
    """Three noisy, three smooth, or three nearly constant images of one size."""
    noisy = st.builds(
        lambda h, w, seed: tuple(np.random.default_rng(seed).integers(0, 256, (3, h, w), dtype=np.uint8)),
        st.integers(side_from, side_to),
        st.integers(side_from, side_to),
        st.integers(0, 2**32 - 1),
    )
    kinds = st.sampled_from(
        [lambda x: x, smooth, lambda x: 100 + x // 64, lambda x: np.where(x > 250, 255, 0).astype(np.uint8)]
    )
    return st.tuples(noisy, kinds).map(lambda drawn: tuple(drawn[1](x) for x in drawn[0]))


few = settings(max_examples=25, deadline=None)


@few
@given(triples())
def test_values_lie_in_their_range_or_are_undefined_with_a_reason(images):
    reasons = {}
    values = metrics.evaluate(*images, HERE, reasons=reasons)
    for name, value in values.items():
        assert math.isnan(value) == (name in reasons), name
        if not math.isnan(value) and name in BOUNDS:
            low, high = BOUNDS[name]
            assert low - 1e-9 <= value <= high + 1e-9, name


@few
@given(st.tuples(*[arrays(np.uint8, (17, 19))] * 3))
def test_arbitrary_images_never_fail(images):
    for protocol in metrics.protocols():
        here = [name for name in metrics.names(protocol) if not metrics.unavailable(name)]
        reasons = {}
        values = metrics.evaluate(*images, here, protocol, reasons)
        assert {name for name, value in values.items() if math.isnan(value)} == set(reasons), protocol


@few
@given(triples(48, 60))
def test_the_order_of_the_sources_does_not_matter(images):
    fused, ir, vis = images
    there, back = metrics.evaluate(fused, ir, vis, HERE), metrics.evaluate(fused, vis, ir, HERE)
    for name in HERE:
        assert there[name] == pytest.approx(back[name], rel=1e-9, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_order_of_the_sources_does_not_matter_where_they_are_flat_or_saturated(seed):
    fused, ir, vis = scene(90, 111, seed)
    images = [np.clip(x.astype(int) * 2 - 120, 0, 255).astype(np.uint8) for x in (fused, ir, vis)]
    there, back = (metrics.evaluate(images[0], *sources, HERE) for sources in (images[1:], images[:0:-1]))
    for name in HERE:
        assert there[name] == pytest.approx(back[name], rel=1e-9, abs=1e-9, nan_ok=True), name


@few
@given(triples(), st.integers(0, 2**32 - 1))
def test_metrics_of_the_fused_image_alone_ignore_the_sources(images, seed):
    names = [name for name in HERE if name in OF_F_ALONE]
    others = np.random.default_rng(seed).integers(0, 256, (2, *images[0].shape), dtype=np.uint8)
    assert metrics.evaluate(*images, names) == metrics.evaluate(images[0], *others, names)


@few
@given(triples(), st.randoms(use_true_random=False))
def test_information_does_not_depend_on_what_the_levels_are_called(images, random):
    table = list(range(256))
    random.shuffle(table)
    renamed = [np.array(table, np.uint8)[x] for x in images]
    names = ["EN", "MI", "NMI", "Qncie", "CE", "Qte", "Qtsallis"]
    before, after = metrics.evaluate(*images, names), metrics.evaluate(*renamed, names)
    for name in names:
        assert before[name] == pytest.approx(after[name], rel=1e-9, abs=1e-9, nan_ok=True), name


@few
@given(triples(), st.integers(0, 255 - 103))
def test_differences_do_not_depend_on_brightness(images, shift):
    dark = [x // 3 for x in images]
    light = [x + np.uint8(shift) for x in dark]
    names = [
        "SD",
        "SF",
        "AG",
        "EI",
        "CC",
        "MSE",
        "RMSE",
        "PSNR",
        "SCD",
        "FMI_none",
        "FMI_gradient",
        "FMI_edge",
        "Qm",
        "Qsf",
        "Qabf",
        "Qg",
    ]
    before, after = metrics.evaluate(*dark, names), metrics.evaluate(*light, names)
    for name in names:
        assert before[name] == pytest.approx(after[name], rel=1e-9, abs=1e-9, nan_ok=True), name


@few
@given(triples(41, 60))
def test_gradient_ratios_do_not_depend_on_contrast(images):
    low = [x // 3 for x in images]
    high = [x * np.uint8(3) for x in low]
    names = ["Qabf", "CC", "SCD", "Qsf", "FMI_none"]
    before, after = metrics.evaluate(*low, names), metrics.evaluate(*high, names)
    for name in names:
        assert before[name] == pytest.approx(after[name], rel=1e-9, abs=1e-9, nan_ok=True), name


TURNS = {"mirrored": np.fliplr, "upside down": np.flipud, "transposed": np.transpose}

# What depends on how the image lies, with the share of the value by which it may move, and why.
LIES = {
    "AG": (0.02, "the forward differences of a pixel meet in its upper left corner"),
    "FMI_none": (0.05, "windows are read column by column"),
    "FMI_gradient": (0.2, "the horizontal derivative only"),
    "FMI_edge": (0.01, "windows are read column by column"),
    "FMI_dct": (0.1, "windows are read column by column"),
    "FMI_wavelet": (0.05, "windows are read column by column"),
    "MS-SSIM": (0.02, "odd sizes are halved from the upper left corner on"),
    "MEF-MS-SSIM": (0.02, "odd sizes are halved from the upper left corner on"),
    "VIF": (0.02, "every other pixel is kept from scale to scale"),
    "VIFF": (0.05, "every other pixel is kept from scale to scale"),
    "Qm": (0.2, "an odd last row or column is left out"),
    "Qp": (0.02, "filters on one half of the frequencies"),
    "Qcv": (0.6, "blocks from the upper left corner on"),
    "Labf": (0.002, "the orientation of a flat pixel is 0"),
    "Nabf": (0.002, "the orientation of a flat pixel is 0"),
}


@few
@given(triples(44, 60))
def test_how_the_images_lie_does_not_matter(images):
    names = [name for name in HERE if name not in LIES]
    before = metrics.evaluate(*images, names)
    for how, turn in TURNS.items():
        after = metrics.evaluate(*map(turn, images), names)
        for name in names:
            assert before[name] == pytest.approx(after[name], rel=1e-7, abs=1e-9, nan_ok=True), (name, how)


@pytest.mark.parametrize("shape", [(192, 208), (187, 201)])
def test_how_the_images_lie_matters_no_more_than_stated(shape):
    """On sizes that fill whole blocks, and on others."""
    images = scene(*shape)
    before = metrics.evaluate(*images, HERE)
    moved = dict.fromkeys(LIES, 0.0)
    for how, turn in TURNS.items():
        after = metrics.evaluate(*map(turn, images), HERE)
        for name in HERE:
            share, _ = LIES.get(name, (1e-7, ""))
            assert before[name] == pytest.approx(after[name], rel=share, abs=1e-9), (name, how)
            if name in moved:
                moved[name] = max(moved[name], abs(after[name] - before[name]))
    unneeded = {name for name, most in moved.items() if most < 1e-9}
    assert unneeded <= {"MEF-MS-SSIM", "MS-SSIM", "Qm", "Qcv", "Nabf"}


# Metrics that a constant, an inverted or a noise image does not lower, because of what they measure.
BLIND = {
    "grey": {"FMI_edge", "Nabf"},  # windows without edges are alike; nothing is added
    "inverted": {"EN", "SD", "SF", "AG", "EI"}  # of F alone, without a sign
    | {"MI", "NMI", "Qncie", "Qte", "Qtsallis"}  # levels may be called anything
    | {"Qabf", "Qg", "Qp", "Nabf", "Labf", "FMI_edge"},  # edges without a sign
    "noise": {"EN", "SD", "SF", "AG", "EI", "Labf", "CE"},  # noise is contrast; loses few edges; has all levels
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", BLIND)
def test_what_shows_nothing_of_the_sources_scores_worse_than_their_average(kind, seed):
    _, ir, vis = scene(200, 220, seed)
    average = ((ir.astype(int) + vis) // 2).astype(np.uint8)
    bad = {
        "grey": np.full_like(ir, 128),
        "inverted": 255 - average,
        "noise": np.random.default_rng(seed).integers(0, 256, ir.shape, dtype=np.uint8),
    }[kind]
    good, found = metrics.evaluate(average, ir, vis, HERE), metrics.evaluate(bad, ir, vis, HERE)
    for name in HERE:
        direction = metrics.card(name).direction
        if name in BLIND[kind]:
            continue
        if kind == "inverted" and direction:
            assert not abs(found[name] - good[name]) < 1e-9, name
        if direction and not math.isnan(found[name]):
            assert direction * (good[name] - found[name]) > 0, (name, good[name], found[name])


def test_painting_over_half_of_the_fused_image_is_a_loss():
    """Where F is flat, nothing of the sources' features is kept: 0/0 is no perfect score."""
    fused, ir, vis = scene(200, 220)
    half = fused.copy()
    half[:, 110:] = 128
    whole, rest = metrics.evaluate(fused, ir, vis, HERE), metrics.evaluate(half, ir, vis, HERE)
    left = {"EN", "SD", "SF", "AG", "EI", "FMI_edge", "Nabf", "Qsf", "SCD", "MSE", "RMSE", "PSNR", "CC"}
    for name in set(HERE) - left:
        assert metrics.card(name).direction * (whole[name] - rest[name]) > 0, (name, whole[name], rest[name])


def test_nothing_is_ranked_by_the_spatial_frequency_error():
    """Noise has the highest value and a grey card the lowest; 0 is the best."""
    fused, ir, vis = scene(200, 220)
    noise = np.random.default_rng(0).integers(0, 256, ir.shape, dtype=np.uint8)
    values = [metrics.evaluate(x, ir, vis, ["Qsf"])["Qsf"] for x in (np.full_like(ir, 128), fused, noise)]
    assert values[0] == -1 and values == sorted(values) and values[2] > 3
    assert metrics.card("Qsf").direction == 0


@few
@given(triples(44, 60))
def test_a_copy_of_both_sources_is_perfect(images):
    x = images[0]
    values = metrics.evaluate(x, x, x, HERE)
    perfect = {
        "MSE": 0,
        "SSIM": 2,
        "Qs": 1,
        "Qw": 1,
        "Qe": 1,
        "Qy": 1,
        "Nabf": 0,
        "FMI_none": 1,
        "FMI_dct": 1,
        ("CC"): 1,
        ("Qcv"): 0,
    }
    perfect |= {"PSNR": math.inf, "NMI": 2, "VIF": 2, "Qm": 3, "MEF-SSIM": 1, "Qabf": 0.97480, "Qsf": 0, "Qcb": 1}
    for name, value in perfect.items():
        if not math.isnan(values[name]):
            assert values[name] == pytest.approx(value, rel=2e-4, abs=1e-6), name


RISING = ("SF", "AG", "EI", "SD", "MSE", "RMSE", "Qsf")
FALLING = ("PSNR", "CC", "SSIM", "MS-SSIM", "MEF-SSIM", "Qs", "Qw", "Qy", "Qabf", "Qg", "Qm", "MI", "NMI", "FMI_none")


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_moves_the_metrics_as_their_definitions_say(seed):
    """Not so VIF and VIFF: where noise happens to add contrast, they see a gain."""
    clean = smooth(scene(200, 220, seed)[2]) // 2 + 60
    noise = np.random.default_rng(seed).normal(0, 1, clean.shape)
    rows = []
    for sigma in (0, 2, 4, 8, 16):
        fused = np.clip(np.rint(clean + sigma * noise), 0, 255).astype(np.uint8)
        rows.append(metrics.evaluate(fused, clean, clean, RISING + FALLING))
    for names, sign in ((RISING, 1), (FALLING, -1)):
        for name in names:
            assert np.all(sign * np.diff([row[name] for row in rows]) > 0), name


def test_the_better_fusion_scores_better():
    """Direction: the average of two sources against the same average blurred and noisy.

    Left out: what looks at F alone or at amounts of contrast or noise, and window by window FMI, for which a
    smooth window is information too.
    """
    _, ir, vis = scene(200, 220)
    good = ((ir.astype(int) + vis) // 2).astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, 20, good.shape)
    bad = np.clip(cv2.GaussianBlur(good, (0, 0), 3) + noise, 0, 255).astype(np.uint8)
    names = set(HERE) - OF_F_ALONE - {"CE", "Qsf", "Labf", "SCD", "VIF", "VIFF"}
    names -= {"FMI_none", "FMI_gradient", "FMI_dct", "FMI_wavelet"}
    better, worse = metrics.evaluate(good, ir, vis, names), metrics.evaluate(bad, ir, vis, names)
    for name in names:
        assert metrics.card(name).direction * (better[name] - worse[name]) > 0, name


@pytest.mark.parametrize("shape", [(16, 16), (16, 300), (163, 161)])
@pytest.mark.parametrize("protocol", list(metrics.protocols()))
def test_every_metric_at_every_size(shape, protocol):
    here = [name for name in metrics.names(protocol) if not metrics.unavailable(name)]
    reasons = {}
    values = metrics.evaluate(*scene(*shape), here, protocol, reasons)
    assert all(math.isfinite(value) or name in reasons for name, value in values.items())
    if min(shape) > 160:
        assert not reasons


OF_HISTOGRAMS = ("EN", "SD", "MI", "NMI", "Qncie", "Qte", "Qtsallis", "CC", "MSE", "RMSE", "PSNR", "SCD")


def test_a_large_image():
    """Sums over a million pixels are those of a part of it, as often as it stands there: no integer is too small."""
    part = [np.clip(image.astype(int) + 90, 0, 255).astype(np.uint8) for image in scene(64, 80)]
    whole = metrics.Pair(*(np.tile(image, (16, 16)) for image in part[1:]))
    names = [
        name for name in HERE if not name.startswith("FMI") and name != "Qp"
    ]  # quick ones; windows of no other size
    values = whole.score(np.tile(part[0], (16, 16)), names)
    assert all(map(math.isfinite, values.values()))
    expected = metrics.evaluate(*part, OF_HISTOGRAMS)
    assert {name: values[name] for name in OF_HISTOGRAMS} == pytest.approx(expected, rel=1e-12)


def test_the_result_does_not_depend_on_threads():
    images = scene(200, 220)
    before = cv2.getNumThreads()
    try:
        results = []
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            results.append(metrics.evaluate(*images, HERE))
    finally:
        cv2.setNumThreads(before)
    assert results[0] == results[1] == results[2]
