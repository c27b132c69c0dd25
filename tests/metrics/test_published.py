"""Metrics under `standard` against their equations, written out pixel by pixel."""

import math

import numpy as np
import pytest
from metric_scenes import scene

import metrics


@pytest.fixture
def small():
    return [image[:24, :27] for image in scene(60, 60, 3)]


def value(name, images, protocol="standard"):
    return metrics.evaluate(*images, [name], protocol)[name]


def windows(image, side):
    return np.lib.stride_tricks.sliding_window_view(image.astype(float), (side, side)).reshape(-1, side * side)


def universal_index(x, y):
    """Wang and Bovik's index of one window."""
    mx, my, vx, vy = x.mean(), y.mean(), x.var(), y.var()
    covariance = ((x - mx) * (y - my)).mean()
    means = 2 * mx * my / (mx * mx + my * my) if mx or my else 1
    return means * (2 * covariance / (vx + vy) if vx + vy > 0 else 1)


def piella(images):
    """The map q and the weights c."""
    quality, saliency = [], []
    for f, a, b in zip(*(windows(image, 8) for image in images)):
        va, vb = a.var(), b.var()
        share = va / (va + vb) if va + vb else 0.5
        quality.append(share * universal_index(f, a) + (1 - share) * universal_index(f, b))
        saliency.append(max(va, vb))
    return np.array(quality), np.array(saliency)


def test_piella(small):
    small[1] = np.where(small[1] > 100, 100, small[1])
    small[2] = np.where(small[2] > 90, 90, small[2])
    small[0] = np.where(small[0] > 95, 95, small[0])
    quality, saliency = piella(small)
    assert value("Qs", small) == pytest.approx(quality.mean(), rel=1e-9)
    assert value("Qw", small) == pytest.approx((quality * saliency).sum() / saliency.sum(), rel=1e-9)


def prewitt(image):
    x = image.astype(float)
    found = np.zeros((x.shape[0] - 2, x.shape[1] - 2))
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            w = x[i : i + 3, j : j + 3]
            found[i, j] = np.hypot(w[:, 2].sum() - w[:, 0].sum(), w[2].sum() - w[0].sum())
    return found


def test_piella_of_edges(small):
    factors = []
    for images in (small, [prewitt(image) for image in small]):
        quality, saliency = piella(images)
        factors.append((quality * saliency).sum() / saliency.sum())
    assert value("Qe", small) == pytest.approx(factors[0] * factors[1], rel=1e-9)


def test_cvejic(small):
    """The weight is clipped, not the quality."""
    k = np.arange(-3, 4)
    w = np.exp(-(k[:, None] ** 2 + k[None] ** 2) / 4.5).ravel()
    w /= w.sum()

    def moments(x, y):
        return w @ x, w @ y, w @ (x * x) - (w @ x) ** 2, w @ (y * y) - (w @ y) ** 2, w @ (x * y) - (w @ x) * (w @ y)

    total, clipped = [], 0
    for f, a, b in zip(*(windows(image, 7) for image in small)):
        parts = []
        for s in (a, b):
            ms, mf, vs, vf, c = moments(s, f)
            parts.append((c, 4 * c * ms * mf / ((vs + vf) * (ms * ms + mf * mf))))
        (c_a, q_a), (c_b, q_b) = parts
        share = c_a / (c_a + c_b)
        clipped += not 0 <= share <= 1
        share = min(max(share, 0), 1)
        total.append(share * q_a + (1 - share) * q_b)
    assert clipped > 20
    assert value("Qc", small) == pytest.approx(np.mean(total), rel=1e-7)


def test_xydeas(small):
    """Orientations are those of lines, and nothing is seen beyond the border."""
    x, y = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    top = bottom = 0.0
    pixels = []
    for f, a, b in zip(*(windows(image, 3) for image in small)):
        u, v = f @ x.ravel(), f @ y.ravel()
        found = []
        for s in (a, b):
            p, q = s @ x.ravel(), s @ y.ravel()
            g_f, g_s = np.hypot(u, v), np.hypot(p, q)
            ratio = min(g_f, g_s) / max(g_f, g_s) if g_f != g_s else 1
            # The angle between two lines, from their scalar and vector product.
            angle = np.arctan2(abs(u * q - v * p), abs(u * p + v * q)) if g_f and g_s else (g_f != g_s) * np.pi / 2
            found.append((g_s, ratio, 1 - angle / (np.pi / 2)))
        for g, ratio, way in found:
            top += g * 0.9994 / (1 + np.exp(-15 * (ratio - 0.5))) * 0.9879 / (1 + np.exp(-22 * (way - 0.8)))
            bottom += g
        weights = [g or 1e-5 for g, _, _ in found]
        kept = [1 / (1 + np.exp(-10 * (r - 0.5))) / (1 + np.exp(-20 * (way - 0.75))) for _, r, way in found]
        pixels.append(np.dot(weights, kept) / sum(weights))
    assert value("Qabf", small) == pytest.approx(top / bottom, rel=1e-9)
    assert value("Qg", small) == pytest.approx(np.mean(pixels), rel=1e-9)


def test_a_line_of_any_slope_keeps_its_orientation():
    """Two edges that are almost upright, on either side of the vertical, are almost the same."""
    x = np.tile(np.linspace(40, 200, 60), (60, 1))
    tilt = np.linspace(0, 4, 60)[:, None]
    one, other = (np.rint(image).astype(np.uint8) for image in (x + tilt, x - tilt))
    assert value("Qabf", (one, other, other)) > 0.85
    assert value("Qabf", (one.T, other.T, other.T)) == pytest.approx(value("Qabf", (one, other, other)), rel=1e-9)
    field = [value("Qabf", images, "cddfuse") for images in ((one, other, other), (one.T, other.T, other.T))]
    assert max(field) - min(field) > 0.1


def test_nava(small):
    q = 0.43137
    joint = {}
    for name, (x, y) in {"fa": (0, 1), "fb": (0, 2), "ab": (1, 2)}.items():
        p = np.histogram2d(small[x].ravel(), small[y].ravel(), bins=256, range=[[0, 256]] * 2)[0] / small[0].size
        product = p.sum(1)[:, None] * p.sum(0)[None]
        joint[name] = (1 - (p[p > 0] ** q / product[p > 0] ** (q - 1)).sum()) / (1 - q)
    entropies = []
    for s in small[1:]:
        p = np.bincount(s.ravel(), minlength=256) / s.size
        entropies.append(((p[p > 0] ** q).sum() - 1) / (1 - q))
    expected = (joint["fa"] + joint["fb"]) / (sum(entropies) - joint["ab"])
    assert value("Qte", small) == pytest.approx(expected, rel=1e-9)


def test_bulanon(small):
    p_f, p_a, p_b = ((np.bincount(s.ravel(), minlength=256) + 0.5) / (s.size + 128) for s in small)
    expected = sum((p * np.log2(p / p_f)).sum() for p in (p_a, p_b)) / 2
    assert value("CE", small) == pytest.approx(expected, rel=1e-9)
    assert value("CE", (small[1], small[1], small[1])) == 0


def test_cross_entropy_of_logistic_levels():
    """Of dark images: above 17 the logistic function is 1 to the seventh digit."""
    f, a, b = np.random.default_rng(0).integers(0, 9, (3, 20, 24), dtype=np.uint8)
    seen, target = (1 / (1 + np.exp(-x)) for x in (f.astype(float), np.stack([a, b]).astype(float)))
    target = target.mean(axis=0)
    expected = -(target * np.log(seen) + (1 - target) * np.log(1 - seen)).mean()
    assert value("CE", (f, a, b), "ivifzoo") == pytest.approx(expected, rel=1e-5)


def test_chen_and_varshney():
    """Sizes that are no multiple of the block, a bright border, and the constant of Mannos and Sakrison."""
    f, a, b = (x[:, :75] for x in scene(57, 90, 5))
    m, n = f.shape
    u, v = n * np.fft.fftfreq(n) / 4, m * np.fft.fftfreq(m) / 4
    r = np.hypot(u[None], v[:, None])
    response = 2.6 * (0.0192 + 0.114 * r) * np.exp(-((0.114 * r) ** 1.1))
    top = bottom = 0.0
    for s in (a, b):
        seen = np.fft.ifft2(np.fft.fft2(s.astype(float) - f) * response).real
        w = np.lib.stride_tricks.sliding_window_view(np.pad(s.astype(float), 1, mode="edge"), (3, 3))
        sx = w[:, :, 0] @ [1, 2, 1] - w[:, :, 2] @ [1, 2, 1]
        sx, sy = w[:, :, :, 2] @ [1, 2, 1] - w[:, :, :, 0] @ [1, 2, 1], sx
        strength = np.hypot(sx, sy) ** 5
        for i in range(0, m, 16):
            for j in range(0, n, 16):
                block = np.s_[i : i + 16, j : j + 16]
                top += strength[block].sum() * (seen[block] ** 2).mean()
                bottom += strength[block].sum()
    assert value("Qcv", (f, a, b)) == pytest.approx(top / bottom, rel=1e-9)


def index_distribution(window):
    """A window read as the distribution of an index 1..9."""
    spread = window.max() - window.min()
    scaled = (window - window.min()) / spread if spread else np.ones(9)
    return scaled / scaled.sum()


def entropy(p):
    p = p[p != 0]
    return -(p * np.log2(np.abs(p))).sum()


def shared_information(x, y):
    """FMI of two windows, and whether they run against each other."""
    flat = (x.max() == x.min(), y.max() == y.min())
    if (x == y).all() or all(flat):
        return 1.0, False
    if any(flat):
        return 0.0, False
    p, q, k = index_distribution(x), index_distribution(y), np.arange(1, 10)
    correlation = np.corrcoef(p, q)[0, 1]
    spread = np.prod([np.sqrt((x * (k - (x * k).sum()) ** 2).sum()) for x in (p, q)])
    bound, largest = np.zeros((10, 10)), 0.0
    for i in range(1, 10):
        for j in range(1, 10):
            below = p[:i].sum(), q[:j].sum()
            bound[i, j] = min(below) if correlation >= 0 else max(sum(below) - 1, 0)
            largest += bound[i, j] - below[0] * below[1]
    phi = correlation * spread / largest if largest else 0  # 0/0 where an index has one value only
    steps = bound[1:, 1:] - bound[:-1, 1:] - bound[1:, :-1] + bound[:-1, :-1]
    single = entropy(p) + entropy(q)
    return 2 * (single - entropy(phi * steps + (1 - phi) * np.outer(p, q))) / single, correlation < 0


def by_column(image):
    return np.lib.stride_tricks.sliding_window_view(image.astype(float), (3, 3)).swapaxes(2, 3).reshape(-1, 9)


def test_haghighat(small):
    """Grey levels and horizontal derivatives: windows that are flat, equal, and against each other among them."""
    small = [np.clip(image, low, 110)[:14, :15] for image, low in zip(small, (60, 0, 0))]
    small[0][:6, 5:12] = small[1][:6, 5:12]
    small[1][8:, :8] = 40
    for name, images in (("FMI_none", small), ("FMI_gradient", [np.gradient(x.astype(float), axis=1) for x in small])):
        pairs = [pair for s in images[1:] for pair in zip(by_column(images[0]), by_column(s))]
        found = [shared_information(*pair) for pair in pairs]
        values = [value for value, _ in found]
        assert values.count(0) > 5 and values.count(1) > 5 and sum(against for _, against in found) > 20
        assert value(name, small) == pytest.approx(np.mean(values), rel=1e-9), name


def test_the_scaling_filter_keeps_a_constant():
    """The sum of the 101 taps is the root of 2, to the digit that is tabulated; of a constant no detail is left."""
    from metrics.definitions.fmi import MEYER, analysis

    assert 2 * sum(MEYER[:-1]) + MEYER[-1] == math.isqrt(2 * 10**30)
    approximation, detail = np.split(analysis(40) @ np.ones(40), 2)
    assert approximation == pytest.approx(math.sqrt(2), rel=1e-12)
    assert detail == pytest.approx(0, abs=1e-5)


def test_structure_that_is_turned_round_is_worth_nothing():
    """MS-SSIM: a mean below 0 counts 0, whatever power it would be raised to."""
    image, _, _ = scene(161, 170)
    for protocol in ("standard", "tang-py"):
        assert value("MS-SSIM", (255 - image, image, image), protocol) == 0
        half = value("MS-SSIM", (image, image, 255 - image), protocol)
        assert half == pytest.approx(1, abs=1e-9), "the other source has its share alone"


def test_no_rounding_makes_a_correlation_more_than_perfect():
    from metrics.moments import correlation

    sizes = range(2, 2000)
    assert any(c / (c**0.5 * c**0.5) > 1 for c in sizes)
    assert max(correlation(c, c, c) for c in sizes) == 1
    assert min(correlation(-c, c, c) for c in sizes) == -1


def test_contrast_at_the_border_is_that_of_what_is_seen():
    """An image that varies in one direction alone has the same contrast in each row, up to the border."""
    from metrics.definitions.qcb import masked_contrast
    from metrics.images import Image

    x = np.tile(np.arange(64, dtype=np.uint8) % 16 * 9 + 50, (64, 1))
    contrast = masked_contrast(Image(x))
    assert contrast == pytest.approx(np.tile(contrast[32], (64, 1)), rel=1e-6, abs=1e-9)
    assert contrast.max() > 0.01


def test_black_images_are_alike_whatever_the_windows():
    """Where all moments vanish, the constants alone are compared."""
    black = np.zeros((16, 18), np.uint8)
    assert value("Qy", (black, black, black), "ivifzoo") == 1


@pytest.mark.parametrize("shape", [(3, 5), (4, 5), (1, 2), (1, 1)])
def test_median_is_that_of_numpy(shape):
    from metrics.definitions.qp import median

    x = np.random.default_rng(0).normal(size=shape)
    before = x.copy()
    assert median(x) == np.median(x) and (x == before).all()


def test_a_constant_fused_image_has_no_correlation_of_phase_congruency(small):
    _, ir, vis = scene(64, 64)
    grey = np.full_like(ir, 90)
    reasons = {}
    assert np.isnan(metrics.evaluate(grey, ir, vis, ["Qp"], reasons=reasons)["Qp"])
    assert "constant" in reasons["Qp"]
    almost = grey.copy()
    almost[5, 5] = 200
    assert value("Qp", (almost, ir, vis)) < 0.05
    assert value("Qp", (almost, ir, vis), "liu2012") > 0.2, "0/0 counts as kept there"
    assert value("Qp", (ir, ir, ir)) == pytest.approx(1, rel=1e-9)
