"""Grey of more than 8 bits made 8: scaled by its white, or stretched over a range."""

import io
import pickle

import cv2
import numpy as np
import pytest
from PIL import Image
from tiff_files import FLOAT, SIGNED, UNSIGNED, tiff

from benchmark.imaging import reading
from benchmark.imaging.reading import ImageError, Stretch

RAMP = np.arange(768).reshape(24, 32)


def png(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values.astype(np.uint16))[1].tobytes()


def test_counts_of_a_thermal_camera():
    """7400 + 3 x level: scaled, next to nothing is left; stretched, all of it."""
    level = RAMP % 256
    data = png(7400 + 3 * level)
    picture = reading.decode(data, "")
    assert (picture.luminance == np.rint((7400 + 3 * level) / 257)).all()
    assert picture.notes == ("16-bit grey, scaled by 1/257; 4 of 256 levels are used",)
    picture = reading.decode(data, "", Stretch("minmax"))
    assert (picture.luminance == level).all()
    assert picture.notes == ("16-bit grey, stretched from 7400 to 8165 onto 0..255; 256 of 256 levels are used",)
    assert picture.depth == 16 and picture.rgb is None
    assert (reading.values(data, "") == 7400 + 3 * level).all()


def test_colours_of_more_than_8_bits():
    """14-bit values in 16 bits: one range for the three channels, so that hues stay."""
    colours = np.dstack([RAMP % 256, 255 - RAMP % 200, RAMP % 101])
    data = cv2.imencode(".png", (64 * colours[..., ::-1]).astype(np.uint16))[1].tobytes()
    picture = reading.decode(data, "")
    assert (picture.rgb == np.rint(64 * colours / 257)).all()
    used = len(np.unique(picture.luminance))
    assert picture.notes == (f"16-bit colour, scaled by 1/257; {used} of 256 levels are used",) and used < 64
    assert (reading.values(data, "") == 64 * colours).all()
    picture = reading.decode(data, "", Stretch("minmax"))
    used = len(np.unique(picture.luminance))
    assert (picture.rgb == colours).all() and picture.depth == 16
    assert picture.notes == (f"16-bit colour, stretched from 0 to 16320 onto 0..255; {used} of 256 levels are used",)
    low, high = np.percentile(64 * colours, (1, 99))
    expected = np.floor(np.clip((64 * colours - low) * 255 / (high - low), 0, 255) + 0.5)
    assert (reading.decode(data, "", Stretch("percentile")).rgb == expected).all()


def test_percentiles_clip_what_is_rare():
    values = np.full((100, 100), 1000)
    values[:50] = 2000
    values[0, :50], values[99, :50] = 65535, 0
    picture = reading.decode(png(values), "", Stretch("percentile"))
    assert picture.luminance[0, 0] == picture.luminance[1, 0] == 255
    assert picture.luminance[99, 0] == picture.luminance[98, 0] == 0
    rng = np.random.default_rng(0)
    values = rng.integers(0, 65536, (50, 60))
    low, high = np.percentile(values, (1, 99))
    expected = np.floor(np.clip((values - low) * 255 / (high - low), 0, 255) + 0.5)
    assert (reading.decode(png(values), "", Stretch("percentile")).luminance == expected).all()


def test_a_given_range_clips_and_rounds_halves_up():
    values = np.array([[0, 99, 100, 101, 102, 103, 609, 610, 611, 65535]])
    picture = reading.decode(png(values), "", Stretch("minmax", 100, 610))
    assert picture.luminance.tolist() == [[0, 0, 0, 1, 1, 2, 255, 255, 255, 255]]
    assert picture.notes[0].startswith("16-bit grey, stretched from 100 to 610 onto 0..255; 4 of")
    for kind in ("minmax", "percentile"):
        assert reading.decode(png(values), "", Stretch(kind, low=-5)).luminance[0, 0] == 0
        assert reading.decode(png(values), "", Stretch(kind, high=200)).luminance[0, 6] == 255
    none = reading.decode(png(values), "", Stretch("none", 100, 610))
    assert (none.luminance == reading.decode(png(values), "").luminance).all()


def test_one_range_for_a_set_keeps_pictures_comparable():
    parts = [png(1000 + RAMP), png(1500 + RAMP)]
    values = [reading.values(part, "") for part in parts]
    over = Stretch("minmax", min(map(np.min, values)), max(map(np.max, values)))
    first, second = (reading.decode(part, "", over).luminance for part in parts)
    assert first[RAMP == 500] == second[RAMP == 0] == round(500 * 255 / 1267)


def test_a_constant_picture_becomes_0_and_is_told():
    for kind in ("minmax", "percentile"):
        picture = reading.decode(png(np.full((5, 6), 700)), "", Stretch(kind))
        assert not picture.luminance.any()
        assert picture.notes == ("16-bit grey, constant at 700: 0 everywhere once stretched",)
    # Nearly constant: both percentiles are one value.
    values = np.full((50, 60), 700)
    values[0, 0], values[0, 1] = 9000, 3
    picture = reading.decode(png(values), "", Stretch("percentile"))
    assert np.unique(picture.luminance).tolist() == [0, 255] and picture.luminance[0, 0] == 255
    assert picture.notes == ("16-bit grey, no range to stretch: up to 700 becomes 0, all else 255",)
    assert reading.decode(png(values), "", Stretch("minmax", 700, 700)).luminance.sum() == 255


@pytest.mark.parametrize(
    "image", [RAMP % 256, np.dstack([RAMP % 200] * 3), np.dstack([RAMP % 200, RAMP % 7, RAMP % 9])]
)
def test_eight_bits_are_never_stretched(image):
    for kind in ("PNG", "BMP", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(image.astype(np.uint8)).save(buffer, kind)
        plain = reading.decode(buffer.getvalue(), "")
        for stretch in (Stretch(), Stretch("minmax"), Stretch("percentile", 10, 20)):
            picture = reading.decode(buffer.getvalue(), "", stretch)
            assert (picture.luminance == plain.luminance).all() and picture.notes == plain.notes == ()
        assert reading.values(buffer.getvalue(), "") is None


def test_values_without_a_white_need_a_stretch(tmp_path):
    path = tmp_path / "a.tif"
    kelvin = (RAMP / 10 + 250)[..., None]
    files = {
        "floating-point values have no": tiff(kelvin.astype(np.float32), 32, kind=FLOAT),
        "32-bit signed values outside 0..65535": tiff(RAMP[..., None] - 100, 32, kind=SIGNED),
        "16-bit signed values outside 0..65535": tiff(RAMP[..., None] - 100, 16, kind=SIGNED),
        "8-bit signed values outside 0..255": tiff(RAMP[..., None] % 256 - 128, 8, kind=SIGNED),
        "32-bit values outside 0..65535": tiff(RAMP[..., None] + 70_000, 32),
    }
    for reason, data in files.items():
        path.write_bytes(data)
        with pytest.raises(ImageError, match=f"{reason}.*--stretch minmax or percentile"):
            reading.read(path, Stretch())
        with pytest.raises(ImageError, match=rf"{reason}.*; save them as 8 bits \(0\.\.255\)$"):
            reading.read(path)
        picture = reading.read(path, Stretch("minmax"))
        expected = RAMP % 256 if reason.startswith("8") else np.floor(RAMP * 255 / 767 + 0.5)
        assert np.abs(picture.luminance - expected).max() <= (1 if reason.startswith("f") else 0)
        assert (picture.luminance == expected).mean() > 0.99


def test_counts_in_wide_types_scale_as_16_bits():
    for data in (
        tiff(RAMP[..., None] * 80, 32),
        tiff(RAMP[..., None] * 80, 32, kind=SIGNED),
        tiff(RAMP[..., None] * 40, 16, kind=SIGNED),
    ):
        values = reading.values(data, "")
        assert (reading.decode(data, "").luminance == np.rint(values / 257)).all()
    picture = reading.decode(tiff(RAMP[..., None] % 128, 8, kind=SIGNED), "")
    assert (picture.luminance == RAMP % 128).all() and picture.notes == ("8-bit signed grey",)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_values_that_are_not_finite_are_refused(bad, bits):
    values = (RAMP / 10)[..., None].astype(f"f{bits // 8}")
    values[3, :4] = bad
    data = tiff(values, bits, kind=FLOAT)
    for stretch in (None, Stretch("minmax"), Stretch("percentile", 0, 50)):
        with pytest.raises(ImageError, match="4 of 768 values are not finite"):
            reading.decode(data, "a.tif", stretch)
    with pytest.raises(ImageError, match="not finite"):
        reading.values(data, "a.tif")


def test_ranges_that_overflow_are_refused():
    values = np.array([[-1e308, 1e308, 0.0]])[..., None]
    with pytest.raises(ImageError, match="too far apart"):
        reading.decode(tiff(values, 64, kind=FLOAT), "a.tif", Stretch("minmax"))
    tiny = np.array([[0.0, 5e-324, 1e-323]])[..., None]
    assert reading.decode(tiff(tiny, 64, kind=FLOAT), "", Stretch("minmax")).luminance.tolist() == [[0, 128, 255]]


def test_a_stretch_is_checked_and_travels():
    for arguments in (("linear",), ("minmax", 5, 4), ("minmax", float("nan"), 1), ("percentile", 0, float("inf"))):
        with pytest.raises(ValueError, match="stretch"):
            Stretch(*arguments)
    stretch = Stretch("minmax", 3, 9.5)
    assert pickle.loads(pickle.dumps(stretch)) == stretch and hash(stretch) == hash(Stretch("minmax", 3, 9.5))


@pytest.mark.parametrize("name", ["01-counts14-png", "02-dicom12-png"])
def test_counts_as_people_have_them(shared, name):
    folder = shared / "inputs"
    plain = reading.read_luminance(folder / "00-plain8/ir/x.png").astype(int)
    picture = reading.read(folder / name / "ir/x.png")
    assert picture.depth == 16 and picture.notes[0].startswith("16-bit grey, scaled by 1/257; ")
    stretched = reading.read(folder / name / "ir/x.png", Stretch("minmax")).luminance
    assert np.abs(stretched - (plain - plain.min()) * 255 / np.ptp(plain)).max() <= 1


def test_white_as_zero_as_people_have_it(shared):
    folder = shared / "inputs"
    picture = reading.read(folder / "03-miniswhite16-tif/ir/x.tif")
    assert (picture.luminance == reading.read_luminance(folder / "00-plain8/ir/x.png")).all()


@pytest.mark.parametrize(("end", "kind"), [(2**53, UNSIGNED), (2**53, SIGNED), (-(2**53), SIGNED)])
def test_integers_are_read_as_far_as_floating_point_counts_them(end, kind):
    values = np.zeros((4, 5, 1), np.int64)
    values[0, 0] = end
    picture = reading.decode(tiff(values, 64, kind=kind), "", Stretch("minmax"))
    assert np.ptp(picture.luminance) == 255 and picture.luminance[0, 0] == (255 if end > 0 else 0)
    values[0, 0] = end + np.sign(end)
    with pytest.raises(ImageError, match=r"integers beyond 2\^53 are not read"):
        reading.decode(tiff(values, 64, kind=kind), "", Stretch("minmax"))


@pytest.mark.parametrize(
    ("bits", "factor"), [(16, "1/257"), (12, "255/4095"), (10, "255/1023"), (4, "17"), (2, "85"), (1, "255")]
)
def test_the_factor_of_scaling_is_told(bits, factor):
    picture = reading.decode(tiff(np.arange(2**bits).reshape(1, -1, 1), bits), "")
    white = 2**bits - 1
    assert (picture.luminance[0] == (np.arange(2**bits) * 510 + white) // (2 * white)).all()
    assert f", scaled by {factor};" in picture.notes[0]
