import numpy as np
import pytest
from scipy.ndimage import correlate1d

import baselines
from baselines.laplacian import decompose, levels_for, reconstruct
from benchmark.imaging.saving import quantise


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    return rng.random((37, 52), np.float32), rng.random((37, 52), np.float32)


@pytest.fixture(scope="module")
def levels():
    """Two images that hold each pair of grey levels once."""
    return tuple(np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8)))


def half_up(numerator, denominator):
    return (2 * numerator + denominator) // (2 * denominator)


def test_naive_methods_are_exact_for_every_pair_of_levels(levels):
    ir, vis = (image.astype(int) for image in levels)
    expected = {"ir": ir, "vis": vis, "average": half_up(ir + vis, 2), "max": np.where(ir > vis, ir, vis)}
    naive = {name for name in baselines.names() if baselines.card(name).family == "naive"}
    assert naive == set(expected)
    for name in naive:
        fuser = baselines.load(name)
        assert isinstance(fuser, baselines.NaiveFuser)
        for output in ("native", "raw", "minmax"):  # these images span 0..255
            np.testing.assert_array_equal(quantise(fuser.fuse(*levels, output)), expected[name])
        as_floats = (image / np.float32(255) for image in levels)
        np.testing.assert_array_equal(quantise(fuser.fuse(*as_floats), truncate=True), expected[name])


def test_naive_methods_round_other_values_to_levels_first(pair):
    fused = baselines.load("average").fuse(*pair)
    ir, vis = (quantise(image).astype(int) for image in pair)
    np.testing.assert_array_equal(quantise(fused), half_up(ir + vis, 2))


def test_naive_methods_are_stretched_in_integers():
    """Every range of levels from zero, and one level of its own."""
    fuser = baselines.load("ir")
    for high in range(1, 256):
        ramp = np.resize(np.arange(high + 1, dtype=np.uint8), (16, 16))
        spread = half_up(255 * ramp.astype(int), high)
        np.testing.assert_array_equal(quantise(fuser.fuse(ramp, ramp, "minmax")), spread)
        if high < 200:
            np.testing.assert_array_equal(quantise(fuser.fuse(ramp + 55, ramp, "minmax")), spread)
    flat = np.full((16, 16), 7, np.uint8)
    np.testing.assert_array_equal(quantise(fuser.fuse(flat, flat, "minmax")), flat)


def test_pyramid_is_burt_and_adelsons(pair):
    """The first low-pass image: 5-tap binomial kernel, mirrored borders, every second pixel; 1e-6."""
    image = pair[0]
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    smooth = correlate1d(correlate1d(image.astype(float), kernel, 0, mode="mirror"), kernel, 1, mode="mirror")
    band, base = decompose(image, 1)
    np.testing.assert_allclose(base, smooth[::2, ::2], atol=1e-6)
    assert band.shape == image.shape and base.shape == (19, 26)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (128, 128), (125, 87), (480, 640)])
def test_an_image_fused_with_itself_is_itself(size):
    """1e-6 of the full range, whatever the parity of the sides."""
    image = np.random.default_rng(0).random(size, np.float32)
    np.testing.assert_allclose(baselines.load("laplacian").fuse(image, image), image, atol=1e-6)
    levels = levels_for(*size)
    np.testing.assert_allclose(reconstruct(decompose(image, levels)), image, atol=1e-6)


def test_levels_leave_a_base_of_eight_pixels():
    assert [levels_for(*size) for size in ((16, 16), (15, 99), (29, 29), (480, 640), (113, 200))] == [1, 1, 2, 4, 4]
    assert decompose(np.zeros((113, 200), np.float32), 4)[-1].shape == (8, 13)


def test_laplacian_keeps_the_stronger_detail_and_averages_the_brightness():
    """Fine stripes of one image at full contrast, where the average halves them; the base is the mean level."""
    x = np.arange(128)
    stripes = np.tile(0.25 + 0.2 * (-1.0) ** x, (128, 1)).astype(np.float32)
    flat = np.full_like(stripes, 0.75)
    inside = np.s_[32:-32, 32:-32]
    for ir, vis in ((stripes, flat), (flat, stripes)):
        fused = baselines.load("laplacian").fuse(ir, vis)[inside]
        assert np.ptp(fused) == pytest.approx(0.4, abs=1e-3)
        assert fused.mean() == pytest.approx(0.5, abs=1e-3)


def test_laplacian_on_a_real_pair_has_the_sharpness_of_both(shared):
    """Mean gradient of the fused image: above either source's, and well above the average's."""
    import cv2

    ir, vis = (cv2.imread(str(shared / "data" / "TNO" / folder / "06.png"), 0) for folder in ("ir", "vi"))

    def sharpness(image):
        return np.hypot(*np.gradient(image.astype(float))).mean()

    fused = baselines.load("laplacian").fuse(ir, vis) * 255
    assert sharpness(fused) > max(sharpness(ir), sharpness(vis))
    assert sharpness(fused) > 1.3 * sharpness(baselines.load("average").fuse(ir, vis) * 255)
