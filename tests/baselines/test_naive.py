import numpy as np
import pytest
from scipy.ndimage import correlate1d

import baselines
from baselines.laplacian import decompose, levels_for, reconstruct


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    return rng.random((37, 52), np.float32), rng.random((37, 52), np.float32)


def test_sources_average_and_maximum(pair):
    ir, vis = pair
    expected = {"ir": ir, "vis": vis, "average": (ir + vis) / 2, "max": np.where(ir > vis, ir, vis)}
    for name, image in expected.items():
        np.testing.assert_array_equal(baselines.load(name).fuse(ir, vis), image)


def test_average_of_eight_bit_images_keeps_half_levels():
    fused = baselines.load("average").fuse(np.full((16, 16), 3, np.uint8), np.full((16, 16), 4, np.uint8))
    np.testing.assert_allclose(fused * 255, 3.5, rtol=1e-6)


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
