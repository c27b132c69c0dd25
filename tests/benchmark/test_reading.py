"""Reading and writing pictures: every kind of file, every kind of damage."""

import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmark.errors import UserError
from benchmark.imaging import bt601, raw_values, reading, saving
from benchmark.imaging.reading import ImageError


@pytest.fixture
def colour() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (21, 34, 3)).astype(np.uint8)


def stated_luminance(rgb: np.ndarray) -> np.ndarray:
    """0.299 R + 0.587 G + 0.114 B, halves rounded up, in exact integer arithmetic."""
    r, g, b = np.moveaxis(rgb.astype(np.int64), -1, 0)
    return ((2 * (299 * r + 587 * g + 114 * b) + 1000) // 2000).astype(np.uint8)


def test_luminance_is_bt601_full_range_rounded():
    # Every grey level is kept; on random colours the fixed-point weights of Pillow and OpenCV differ from the
    # exact ones only where the exact value lies within 0.003 of a half, hence by one level on a few pixels.
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert (bt601.luminance(grey)[0] == np.arange(256)).all()
    rgb = np.random.default_rng(1).integers(0, 256, (512, 512, 3)).astype(np.uint8)
    ours = bt601.luminance(rgb)
    for other in (stated_luminance(rgb), cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)):
        difference = np.abs(ours.astype(int) - other)
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.005


def test_golden_triples_are_read_to_the_pixel(shared):
    files = sorted((shared / "metrics" / "triples").glob("*/*.png"))
    assert len(files) > 20
    for path in files:
        with Image.open(path) as reference:
            assert (reading.read_luminance(path) == np.asarray(reference.convert("L"))).all(), path


def test_colour_jpegs_follow_the_stated_formula(shared):
    files = sorted((shared / "data/RoadScene/crop_LR_visible").glob("*.jpg"))[::40]
    assert files
    for path in files:
        rgb = reading.read(path).rgb
        with Image.open(path) as reference:
            assert (rgb == np.asarray(reference.convert("RGB"))).all()
        # On real colours the rounded values of all conventions agree: see the shared metrics notes, 0.1.
        assert (reading.read_luminance(path) == stated_luminance(rgb)).mean() > 0.9999


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_grey_and_colour_files(tmp_path, colour, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(colour).save(path)
    picture = reading.read(path)
    assert (picture.rgb == colour).all()
    assert (picture.luminance == bt601.luminance(colour)).all()
    assert picture.notes == ()
    Image.fromarray(colour[..., 0]).save(path)
    picture = reading.read(path)
    assert picture.rgb is None
    assert (picture.luminance == colour[..., 0]).all()


def test_colour_file_that_is_grey_has_no_colour(tmp_path, colour):
    path = tmp_path / "a.png"
    Image.fromarray(np.repeat(colour[..., :1], 3, axis=2)).save(path)
    picture = reading.read(path)
    assert picture.rgb is None
    assert (picture.luminance == colour[..., 0]).all()


def test_alpha_is_dropped(tmp_path, colour):
    path = tmp_path / "a.png"
    alpha = np.full(colour.shape[:2], 3, np.uint8)
    Image.fromarray(np.dstack([colour, alpha])).save(path)
    assert (reading.read(path).rgb == colour).all()
    Image.fromarray(np.dstack([colour[..., 0], alpha]), "LA").save(path)
    assert (reading.read_luminance(path) == colour[..., 0]).all()


@pytest.mark.parametrize("transparency", [None, 2])
def test_palette(tmp_path, transparency):
    path = tmp_path / "a.png"
    index = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    palette = np.array([(255, 0, 0), (0, 255, 0), (10, 20, 30), (7, 7, 7)], np.uint8)
    image = Image.fromarray(index, "P")
    image.putpalette(palette.ravel().tolist())
    image.save(path, **({} if transparency is None else {"transparency": transparency}))
    picture = reading.read(path)
    assert (picture.rgb == palette[index]).all()
    assert picture.notes == (*(() if transparency is None else ("alpha dropped",)), "palette image")


def test_bilevel(tmp_path):
    path = tmp_path / "a.png"
    mask = np.eye(8, dtype=bool)
    Image.fromarray(mask).save(path)
    assert (reading.read_luminance(path) == mask * 255).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_grey_is_scaled_and_noted(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    values = np.array([[0, 1, 128, 129, 257, 385, 386, 32768, 65534, 65535]], np.uint16)
    cv2.imwrite(str(path), values)
    picture = reading.read(path)
    assert (picture.luminance == np.rint(values / 257)).all()
    assert picture.luminance.dtype == np.uint8
    assert picture.notes == ("16-bit grey, scaled by 1/257; 5 of 256 levels are used",)
    assert picture.depth == 16
    assert picture.rgb is None


def test_sixteen_bit_colour_is_noted(tmp_path, colour):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), colour[..., ::-1].astype(np.uint16) * 257)
    picture = reading.read(path)
    assert (picture.rgb == colour).all()
    assert "16-bit colour" in picture.notes[0]


def test_exif_orientation_is_applied(tmp_path, colour):
    smooth = cv2.resize(colour, (64, 48), interpolation=cv2.INTER_CUBIC)
    for orientation, turned in ((6, np.rot90(smooth, -1)), (3, np.rot90(smooth, 2)), (2, smooth[:, ::-1])):
        path = tmp_path / "a.png"
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(smooth).save(path, exif=exif)
        picture = reading.read(path)
        assert (picture.rgb == turned).all()
        assert picture.notes == ("turned as its EXIF orientation says",)


def one_line(error: UserError) -> str:
    assert "\n" not in error.message
    assert len(error.message) < 400
    return error.message


def test_every_truncation_is_an_error_or_the_whole_picture(tmp_path, colour):
    whole = tmp_path / "whole.png"
    Image.fromarray(colour).save(whole)
    data = whole.read_bytes()
    path = tmp_path / "cut.png"
    failed = 0
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        try:
            assert (reading.read(path).rgb == colour).all()
        except ImageError as error:
            failed += 1
            assert str(path) in one_line(error)
    assert failed > len(range(0, len(data), 7)) * 0.9


def test_damaged_bytes_never_escape_as_another_exception(tmp_path, colour):
    rng = np.random.default_rng(2)
    for suffix in (".png", ".jpg", ".bmp", ".tif"):
        path = tmp_path / f"a{suffix}"
        Image.fromarray(colour).save(path)
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(60):
            broken = data.copy()
            broken[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
            try:
                picture = reading.decode(broken.tobytes(), path)
                assert picture.luminance.ndim == 2
            except ImageError as error:
                one_line(error)


@pytest.mark.parametrize(
    "content, reason",
    [(b"", "empty file"), (b"hello", "not a PNG"), (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a PNG")],
)
def test_files_that_are_no_images(tmp_path, content, reason):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        reading.read(path)
    assert caught.value.exit_code == 2
    one_line(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        reading.read(tmp_path / "none.png")
    with pytest.raises(ImageError):
        reading.read(tmp_path)


@pytest.mark.parametrize("side", [8300, 30_000, 2_000_000])
def test_bombs_are_refused_before_memory_is_taken(tmp_path, side, recwarn):
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(ImageError, match="pixels"):
        reading.read(path)
    assert not recwarn.list


def test_errors_survive_a_worker_process():
    error = ImageError("a b.png", "broken")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, str(again.path), again.reason) == (
        ImageError,
        error.message,
        "a b.png",
        "broken",
    )


def test_quantise_rounds_halves_up_and_clips():
    levels = np.arange(256)
    assert (saving.quantise((levels / 255).astype(np.float32)) == levels).all()
    assert (saving.quantise(levels / 255) == levels).all()
    halves = (np.arange(255) + 0.5) / 255  # the nearest double may lie on either side
    assert (np.abs(saving.quantise(halves) - (np.arange(255) + 0.5)) == 0.5).all()
    assert saving.quantise(np.array([0.5 / 255, 1.5 / 255, 2.5 / 255])).tolist() == [1, 2, 3]
    beside = np.nextafter(np.float32(halves), np.float32([[0], [1]]))  # float32 just below and above each half
    exact = np.floor(beside.astype(np.longdouble) * 255 + 0.5)
    np.testing.assert_array_equal(saving.quantise(beside), exact)
    assert saving.quantise(np.array([-0.1, 1.1])).tolist() == [0, 255]
    with pytest.raises(ValueError, match="finite"):
        saving.quantise(np.array([0.0, np.nan]))


def test_quantise_truncates():
    levels = np.arange(256)
    assert (saving.quantise((levels / 255).astype(np.float32), truncate=True) == levels).all()
    assert (saving.quantise((levels[:-1] + 0.9) / 255, truncate=True) == levels[:-1]).all()
    assert (saving.quantise((levels[1:] - 0.01) / 255, truncate=True) == levels[:-1]).all()
    assert saving.quantise(np.array([-0.1, 1.1]), truncate=True).tolist() == [0, 255]


def test_saved_luminance_reads_back(tmp_path):
    image = np.random.default_rng(3).random((33, 17)).astype(np.float32)
    path = tmp_path / "new folder" / "ünï code.png"
    saving.save_luminance(path, image)
    assert (reading.read_luminance(path) == saving.quantise(image)).all()
    first = path.read_bytes()
    saving.save_luminance(path, saving.quantise(image))
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with pytest.raises(ValueError, match="shape"):
        saving.save_luminance(path, np.zeros((2, 2, 3)))


def test_colours_are_saved_as_they_are_and_nothing_else_is(tmp_path, colour):
    path = tmp_path / "colour.png"
    saving.save_rgb(path, colour)
    assert (reading.read(path).rgb == colour).all()
    for wrong in (colour[..., 0], colour[..., :2], colour[0], colour / 255, colour.astype(np.uint16)):
        with pytest.raises(ValueError, match=r"a colour image is uint8 \(H, W, 3\), not "):
            saving.save_rgb(path, wrong)
    assert [file.name for file in tmp_path.iterdir()] == ["colour.png"]


@pytest.mark.filterwarnings("error")
def test_colours_are_divided_by_their_alpha():
    """Halves are rounded up. What is brighter than its alpha allows is white, and 0 stays 0 where alpha is."""
    colours = np.array([[[100, 10, 0], [200, 51, 25]], [[7, 0, 0], [255, 254, 1]]], np.uint8)
    alpha = np.array([[200, 100], [0, 255]], np.uint8)
    expected = [[[128, 13, 0], [255, 130, 64]], [[255, 0, 0], [255, 254, 1]]]
    assert raw_values.without_alpha(colours, alpha, 255).tolist() == expected
    assert raw_values.without_alpha(colours[..., 0], alpha, 255).tolist() == [[128, 255], [255, 255]]


def test_only_turns_that_are_known_are_told():
    assert [orientation for orientation in range(12) if raw_values.turn_note(orientation)] == list(range(2, 9))


@pytest.mark.parametrize("channel", range(3))
def test_one_channel_that_differs_in_one_pixel_makes_a_colour(tmp_path, channel):
    rgb = np.repeat(np.arange(12, dtype=np.uint8).reshape(3, 4, 1), 3, axis=2)
    for suffix in (".bmp", ".png"):  # the general decoder, and the kernel for plain PNGs
        path = tmp_path / f"a{suffix}"
        Image.fromarray(rgb).save(path)
        assert reading.read(path).rgb is None
        coloured = rgb.copy()
        coloured[1, 2, channel] += 9
        Image.fromarray(coloured).save(path)
        assert (reading.read(path).rgb == coloured).all()


def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    saving.save_luminance(path, np.zeros((4, 4), np.uint8))
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(reading.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        saving.save_luminance(path, np.ones((4, 4), np.uint8))
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_attached_colour_keeps_luminance_and_chroma():
    # Colours from 96 to 160 and shifts up to 64 cannot clip.
    rng = np.random.default_rng(4)
    rgb = rng.integers(96, 161, (40, 50, 3)).astype(np.uint8)
    fused = (bt601.luminance(rgb).astype(int) + rng.integers(-64, 65, (40, 50))).astype(np.uint8)
    coloured = bt601.attach_colour(fused, rgb)
    assert (bt601.luminance(coloured) == fused).all()
    ours, source = (cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(int) for image in (coloured, rgb))
    assert np.abs(ours - source).max() <= 1  # rounding of Y in OpenCV's differences
    # The usual way, by way of rounded Cb and Cr, lands within two levels.
    usual = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    usual[..., 0] = fused
    assert np.abs(cv2.cvtColor(usual, cv2.COLOR_YCrCb2RGB).astype(int) - coloured).max() <= 2
    assert (bt601.attach_colour(bt601.luminance(rgb), rgb) == rgb).all()


def test_attached_colour_clips_and_checks():
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[..., 0] = 255
    assert (bt601.attach_colour(np.full((2, 2), 255, np.uint8), rgb) == (255, 179, 179)).all()
    with pytest.raises(ValueError, match="needed"):
        bt601.attach_colour(np.zeros((3, 2), np.uint8), rgb)
    with pytest.raises(ValueError, match="needed"):
        bt601.attach_colour(np.zeros((2, 2), np.float32), rgb)
