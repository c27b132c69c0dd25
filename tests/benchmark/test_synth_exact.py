"""The drawn scenes' pixels are the same on every machine: with these hashes, and whatever instructions it has."""

import hashlib
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from benchmark import datasets
from benchmark.datasets.synth import Scene, exact, exact_filters, raster, scene
from benchmark.datasets.synth.exact import Draws

# Seed, width, height and condition, or the data set and the number of its pair: SHA-256 of infrared pixels, visible
# pixels and boxes. Checked with numpy 1.26.4, 2.0.2, 2.2.6 and 2.4.6, OpenCV 4.9.0, 4.10.0, 4.12.0 and 5.0.0.
EXPECTED = {
    "0 320 240 day": "03277df60667e317be8484f5e10afd21e9799607a9123df022c4814a751c4880",
    "1 320 240 dusk": "c69328baf2beda13421a6c3a553ad45b855157f1549f7e6e8d9db0518022f2f8",
    "2 320 240 night": "d5c0f732cc3b12b96eab597ad2aef8f382563079b44a8846c09ebb52be61ee4b",
    "3 320 240 fog": "4112b50b6f4517949e2e10ce01858e3b169d1e62d20688fdc7b5108f5392e344",
    "6 640 480 day": "b5f923d174699cb2f6c3c40cc1bf155dd9cb18416d7f32dcb452d9b131117e18",
    "7 640 480 fog": "9cc987efa9e1a85401ef05826b3af043969510af558249b347a2c4a00d37e3fc",
    "8 1024 768 glare": "a315f497719e19a27f0bc16b2ad8b44faf776f0511b53873f38b8314d88ce727",
    "synth 0": "4d18d941a55f23e0ab9fc2f2053f7d912508382f02287763f1f7891cd10bf01e",
    "synth 4": "ae899785459e3138adbec93f544d9eb7e03174f872d96c4bf2892fb680807ab3",
    "synth_det 0": "b9665e1cc1f6893e38ad783ffa36a91b973680a4014fc592e8ab590d1c414482",
    "synth_det 75": "2986d957512026c2b6556065f49a39fed67d0269f94a2f405a54623aaf9da6cd",
    "synth_det 201": "7d30eb5b4f31fc4f491f81744647819fc722b3b787482d91a9e369e1aea0aa42",
    "1 640 480 night": "9e1102567f0c117e996bd4e5ff79c481d5f2beb39eda488224ddfd9466435a92",
    "2 320 240 day": "42819cd0314bb838d4ea8f85d6742df1a458f9178f840ea5eaf9f49130ae0f54",
    "3 320 240 glare": "9117fdf69674c8ecab667309881b36cf1632d60418e685a130fe960ad008f308",
    "4 321 241 fog": "df6051f93ee16faead589a716304ff408a4b350e5007e8f2dbd150a87568bf2e",
    "5 320 240 dusk": "e577768181fc21f9fd2f51fc6ae9c23cf9fa5add076fb1975b5ab5a738ed40f7",
    "synth_det_small 30": "71ed57f449f4f73dfc77ed15a3c5160fd5b5a324ca3516bd4243e48afb3883c9",
}


def digest(drawn: Scene) -> str:
    boxes = [(box.label, box.x0, box.y0, box.x1, box.y1) for box in drawn.boxes]
    return hashlib.sha256(drawn.ir.tobytes() + drawn.vis_rgb.tobytes() + json.dumps(boxes).encode()).hexdigest()


def drawn(name: str) -> Scene:
    first, *rest = name.split()
    if len(rest) == 1:
        source = datasets.get(first)
        return source.pairs("all" if "all" in source.splits() else None)[int(rest[0])].scene()
    width, height, condition = rest
    return scene(int(first), int(width), int(height), condition)


@pytest.mark.parametrize("name", EXPECTED)
def test_pixels_are_those_of_every_machine(name):
    assert digest(drawn(name)) == EXPECTED[name]


def without_wide_instructions() -> dict[str, str]:
    """Environment in which numpy and OpenCV use what every processor of the kind has, and nothing else."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    dispatched = [word.strip("*?") for word in cv2.getCPUFeaturesLine().split() if word.startswith("*")]
    return {
        **os.environ,
        "NPY_DISABLE_CPU_FEATURES": " ".join(found),
        "OPENCV_CPU_DISABLE": ",".join(dispatched),
        "OPENCV_IPP": "disabled",
        "OPENBLAS_CORETYPE": "Nehalem",
        "OPENCV_FOR_THREADS_NUM": "3",
    }


def test_pixels_do_not_depend_on_the_processors_instructions():
    if "found" not in np.show_config(mode="dicts")["SIMD Extensions"]:
        pytest.skip("this processor has no wide instructions that numpy would use")
    command = [sys.executable, "-W", "ignore", __file__]
    done = subprocess.run(command, env=without_wide_instructions(), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert not told["numpy"] and set(told["opencv"]) <= {"?"}
    assert told["digests"] == {name: EXPECTED[name] for name in FEW}


FEW = ("1 640 480 night", "2 320 240 day", "3 320 240 glare", "4 321 241 fog", "5 320 240 dusk", "synth_det_small 30")


def test_mathematics():
    angles = np.linspace(-12, 12, 999).tolist()
    waves = np.array([exact.cos_sin(angle) for angle in angles])
    assert np.abs(waves - np.stack([np.cos(angles), np.sin(angles)], axis=1)).max() < 4e-15
    powers = np.linspace(-60, 30, 999)
    assert np.abs(exact.exp2(powers) / np.exp2(powers) - 1).max() < 1e-14
    assert exact.steps(0.5, 2.0, 0.5) == [0.5, 1.0, 1.5] and exact.steps(2, 1, 1) == []
    assert exact.norm(3, 4, 12) == 13


def test_draws_are_spread_as_they_should():
    draws = Draws(1, 2)
    normal = draws.standard_normal((400, 500)).astype(float)
    assert abs(normal.mean()) < 0.01 and abs(normal.std() - 1) < 0.01 and 3.5 < np.abs(normal).max() < 5
    scalars = np.array([draws.normal(3, 2) for _ in range(4000)])
    assert abs(scalars.mean() - 3) < 0.15 and abs(scalars.std() - 2) < 0.1
    whole = draws.integers(-2, 5, 7000)
    assert set(whole.tolist()) == set(range(-2, 5)) and np.bincount(whole + 2).min() > 850
    assert {draws.integers(3) for _ in range(60)} == {0, 1, 2}
    uniform = draws.uniform(2, 4, (50, 80))
    assert uniform.shape == (50, 80) and 2 <= uniform.min() < 2.01 and 3.99 < uniform.max() < 4
    chosen = [draws.choice("ab", p=(0.9, 0.1)) for _ in range(500)]
    assert 0.85 < chosen.count("a") / 500 < 0.95
    assert Draws(5).random() == Draws(5).random() != Draws(6).random()


def test_filters_are_what_they_are_called():
    image = Draws(3).random((60, 80)).astype(np.float32)
    smooth = cv2.GaussianBlur(image, (0, 0), 1.2, borderType=cv2.BORDER_REFLECT)
    assert np.abs(exact_filters.smoothed(image, 1.2, 2.0**-14) - smooth).max() < 0.005
    inner = slice(20, 40), slice(20, 60)
    side = exact_filters.window(3.464)
    wide = cv2.GaussianBlur(image, (0, 0), 3.464, borderType=cv2.BORDER_REFLECT)
    assert np.abs(exact_filters.spread(image, side, side, 3) - wide)[inner].max() < 0.015
    assert np.abs(exact_filters.enlarged(image, 2.0**-14) - cv2.resize(image, (160, 120))).max() < 1e-4
    layers = (255 * Draws(4).random((32, 48, 4))).astype(np.uint8)
    mean = layers.reshape(16, 2, 24, 2, 4).astype(int).sum(axis=(1, 3))
    assert (exact_filters.unpacked(exact_filters.halved(exact_filters.packed(layers))) == (mean + 2) // 4).all()
    assert (exact_filters.shrunk(layers[..., 0].astype(np.int32), 2) == mean[..., 0]).all()
    a, b = exact_filters.packed(layers), exact_filters.packed(layers[::-1].copy())
    exactly = (layers.astype(int) * 156 + layers[::-1].astype(int) * 100) >> 8
    assert (exact_filters.unpacked(exact_filters.mixed(a, b, np.uint32(100))) == exactly).all()
    assert (exact_filters.resized(a, 48, 32) == a).all()
    assert exact_filters.resized(a, 13, 70).shape == (70, 13)


def filled(corners, width: int = 40, height: int = 30) -> np.ndarray:
    picture = np.zeros((height, width), int)
    found = raster.polygon(np.array(corners, float), width, height)
    if found is not None:
        picture[found[0]][found[1]] = 1
    return picture


def test_polygons():
    square = filled([(5, 4), (15, 4), (15, 10), (5, 10)])
    assert square[4:11, 5:16].all() and square.sum() == 7 * 11
    assert (filled([(-50, -50), (90, -50), (90, 90), (-50, 90)]) == 1).all()
    assert filled([(50, 4), (60, 4), (60, 10)]).sum() == 0
    assert filled([(3.2, 7.4), (20.6, 7.4), (20.6, 7.45), (3.2, 7.45)]).sum() == 19  # thin, and seen all the same
    assert filled([(3, 7), (20, 7), (9, 7)])[7, 3:21].all()
    # Concave: a U has nothing between its arms.
    shape = filled([(2, 2), (8, 2), (8, 20), (30, 20), (30, 2), (36, 2), (36, 28), (2, 28)])
    assert shape[10, 4] and shape[10, 34] and not shape[10, 12:26].any() and shape[24, 12:26].all()


def test_lines():
    rows, columns = raster.lines([(2, 3, 12, 3), (5, 5, 5, 9), (-4, 20, 3, 20), (1, 1, 1, 1)], 40, 30)
    assert {*zip(rows.tolist(), columns.tolist())} == {
        *((3, x) for x in range(2, 13)),
        *((y, 5) for y in range(5, 10)),
        *((20, x) for x in range(4)),
        (1, 1),
    }


if __name__ == "__main__":
    simd = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    features = [word[-1] for word in cv2.getCPUFeaturesLine().split() if word.startswith("*")]
    print(json.dumps({"numpy": simd, "opencv": features, "digests": {name: digest(drawn(name)) for name in FEW}}))
