"""TIFF files of every layout, against what was written into them and against a second decoder."""

import io
import itertools
import struct
import time

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from tiff_files import (
    BLACK_IS_ZERO,
    DEFLATE,
    FLOAT,
    LZW,
    NONE,
    PACKBITS,
    PALETTE,
    RGB,
    SIGNED,
    TURNS,
    UNSIGNED,
    WHITE_IS_ZERO,
    tiff,
)

from benchmark.imaging import bt601, reading
from benchmark.imaging.reading import ImageError, Stretch

KINDS = {
    UNSIGNED: (1, 2, 4, 8, 10, 12, 14, 16, 32),
    SIGNED: (8, 16, 32),
    FLOAT: (16, 32, 64),
}
COMPRESSIONS = (NONE, LZW, DEFLATE, PACKBITS)


def drawn(shape: tuple[int, ...], bits: int, kind: int = UNSIGNED, seed: int = 0) -> np.ndarray:
    """Values of the whole range of a type, its ends among them."""
    rng = np.random.default_rng(seed)
    if kind == FLOAT:
        return rng.normal(0, 300, shape).astype(f"f{bits // 8}")
    low = -(1 << bits - 1) if kind == SIGNED else 0
    values = rng.integers(low, low + (1 << bits), shape)
    values.flat[:2] = low, low + (1 << bits) - 1
    return values


def layouts():
    """Every combination of byte order, compression, predictor, tiles, planes and bit order that there is."""
    for order, compression, predictor, tile, planar, backwards in itertools.product(
        "<>", COMPRESSIONS, (False, True), (0, 16), (False, True), (False, True)
    ):
        if not predictor or compression in (LZW, DEFLATE):
            yield {
                "order": order,
                "compression": compression,
                "predictor": predictor,
                "tile": tile,
                "planar": planar,
                "backwards": backwards,
                "rows": 0 if tile else 5,
            }


def scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """low..high to 0..255 in exact integers, halves rounded up."""
    wide = values.astype(object)
    exact = np.clip((2 * 255 * (wide - low) + (high - low)) // (2 * (high - low)), 0, 255)
    return exact.astype(np.uint8)


def test_every_layout_of_grey_integers():
    """Orientation goes round with the layouts, so that each one meets each bit depth."""
    seen, turn = set(), itertools.cycle(TURNS)
    for kind, alpha, photometric in itertools.product((UNSIGNED, SIGNED), (0, 1), (WHITE_IS_ZERO, BLACK_IS_ZERO)):
        for bits in KINDS[kind]:
            values = drawn((19, 21, 1 + alpha), bits, kind)
            grey = values[..., 0]
            if photometric == WHITE_IS_ZERO:
                grey = (-1 - grey) if kind == SIGNED else (1 << bits) - 1 - grey
            eight = kind == UNSIGNED and bits <= 8
            ends = (0, (1 << bits) - 1) if kind == UNSIGNED and bits <= 16 else (int(grey.min()), int(grey.max()))
            stretch = None if kind == UNSIGNED and bits <= 16 else Stretch("minmax")
            expected = scaled(grey, *ends)
            for layout in layouts():
                if (layout["predictor"] and bits not in (8, 16, 32)) or (layout["planar"] and not alpha):
                    continue
                orientation = next(turn)
                data = tiff(values, bits, photometric, kind, orientation=orientation, **layout)
                name = f"{bits} bits {kind} {photometric} {layout} {orientation}"
                picture = reading.decode(data, name, stretch)
                assert picture.luminance.dtype == np.uint8 and picture.rgb is None, name
                np.testing.assert_array_equal(picture.luminance, TURNS[orientation](expected), name)
                assert picture.depth == bits
                assert ("alpha dropped" in picture.notes) == bool(alpha)
                assert ("turned as its EXIF orientation says" in picture.notes) == (orientation != 1)
                if orientation < 3:
                    raw = reading.values(data, name)
                    assert raw is None if eight else (raw == TURNS[orientation](grey)).all(), name
                seen.add((bits, orientation))
    assert len(seen) == len(KINDS[UNSIGNED]) * 8


def test_every_layout_of_floats():
    turn = itertools.cycle(TURNS)
    for bits, layout in itertools.product(KINDS[FLOAT], layouts()):
        if layout["predictor"] or layout["planar"]:
            continue
        values = drawn((19, 21, 1), bits, FLOAT)
        orientation = next(turn)
        data = tiff(values, bits, BLACK_IS_ZERO, FLOAT, orientation=orientation, **layout)
        np.testing.assert_array_equal(reading.values(data, ""), TURNS[orientation](values[..., 0]))
        with pytest.raises(ImageError, match="--stretch minmax or percentile"):
            reading.decode(data, "a.tif", Stretch())
        picture = reading.decode(data, "a.tif", Stretch("minmax"))
        wide = values[..., 0].astype(float)
        expected = np.floor((wide - wide.min()) * 255 / np.ptp(wide) + 0.5)
        np.testing.assert_array_equal(picture.luminance, TURNS[orientation](expected))
        assert picture.depth == bits


def test_every_layout_of_colours():
    turn = itertools.cycle(TURNS)
    for bits, alpha in itertools.product((1, 4, 8, 12, 16), (0, 1)):
        values = drawn((19, 21, 3 + alpha), bits)
        expected = scaled(values[..., :3], 0, (1 << bits) - 1)
        for layout in layouts():
            if layout["predictor"] and bits not in (8, 16):
                continue
            orientation = next(turn)
            data = tiff(values, bits, RGB, orientation=orientation, **layout)
            picture = reading.decode(data, "a.tif", Stretch())
            name = f"{bits} {layout} {orientation}"
            np.testing.assert_array_equal(picture.rgb, TURNS[orientation](expected), name)
            assert (picture.luminance == bt601.luminance(picture.rgb)).all()
            assert picture.depth == bits and ("alpha dropped" in picture.notes) == bool(alpha)
            assert any("-bit colour, scaled by" in note for note in picture.notes) == (bits != 8)
            raw, upright = reading.values(data, ""), TURNS[orientation](values[..., :3])
            if bits <= 8:
                assert raw is None
                continue
            np.testing.assert_array_equal(raw, upright, name)
            low, high = int(raw.min()) + 100, int(raw.max()) - 100
            picture = reading.decode(data, "a.tif", Stretch("minmax", low, high))
            np.testing.assert_array_equal(picture.rgb, scaled(np.clip(upright, low, high), low, high), name)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("scale", [1, 256, 257])
def test_palettes(bits, scale):
    rng = np.random.default_rng(bits)
    table = rng.integers(0, 256, (3, 1 << bits))
    index = drawn((9, 10, 1), bits)
    data = tiff(index, bits, PALETTE, tags=[(320, "H", (table * scale).ravel())])
    picture = reading.decode(data, "a.tif")
    assert (picture.rgb == table.T[index[..., 0]]).all()
    assert (picture.notes, picture.depth) == (("palette image",), 8)
    with pytest.raises(ImageError, match="palette"):
        reading.decode(tiff(index, bits, PALETTE), "a.tif")


def test_opencv_and_pillow_agree_where_they_read():
    """Files that libtiff wrote, by OpenCV and by Pillow, read by both ways."""
    rng = np.random.default_rng(5)
    for shape, number, compression in itertools.product(
        ((33, 47), (33, 47, 3)), (np.uint8, np.uint16), (1, 5, 8, 32773, 32946)
    ):
        values = rng.integers(0, np.iinfo(number).max + 1, shape).astype(number)
        data = cv2.imencode(".tif", values, [cv2.IMWRITE_TIFF_COMPRESSION, compression])[1]
        theirs = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        assert (theirs == values).all()
        picture = reading.decode(data.tobytes(), "a.tif")
        ours = picture.luminance if len(shape) == 2 else picture.rgb[..., ::-1]
        assert (ours == scaled(theirs, 0, np.iinfo(number).max)).all()
    image = Image.fromarray(rng.integers(0, 256, (33, 47, 3)).astype(np.uint8))
    for mode, compression in itertools.product(("L", "RGB", "RGBA", "1"), ("raw", "tiff_lzw", "tiff_adobe_deflate")):
        buffer = io.BytesIO()
        image.convert(mode).save(buffer, "TIFF", compression=compression)
        picture = reading.decode(buffer.getvalue(), "a.tif")
        theirs = np.asarray(image.convert(mode).convert("L" if mode in "L1" else "RGB"))
        assert ((picture.luminance if mode in "L1" else picture.rgb) == theirs).all()


def test_jpeg_in_tiff_is_what_libtiff_makes_of_it():
    y, x = np.mgrid[:70, :90]
    smooth = np.stack([x * 2, y * 3, x + y], axis=-1).astype(np.uint8)
    for mode in ("L", "RGB"):
        buffer = io.BytesIO()
        Image.fromarray(smooth).convert(mode).save(buffer, "TIFF", compression="jpeg", quality=90)
        picture = reading.decode(buffer.getvalue(), "a.tif")
        with Image.open(buffer) as image:
            theirs = np.asarray(image.convert(mode)).astype(int)
        ours = picture.luminance if mode == "L" else picture.rgb
        assert np.abs(ours - theirs).max() <= 2
        assert np.abs(ours - np.asarray(Image.fromarray(smooth).convert(mode)).astype(int)).mean() < 3


@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 2)])
def test_jpeg_of_luminance_and_chroma(tile, subsampling):
    y, x = np.mgrid[:70, :90]
    smooth = np.stack([x * 2, y * 3, x + y], axis=-1).astype(np.uint8)
    options = {"tile": tile} if tile else {"rowsperstrip": 16}
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, smooth, photometric="rgb", compression="jpeg", subsampling=subsampling, **options)
    ours = reading.decode(buffer.getvalue(), "").rgb.astype(int)
    with Image.open(buffer) as image:
        assert image.tag_v2[262] == 6
        assert np.abs(ours - np.asarray(image.convert("RGB"))).max() <= 2
    assert np.abs(ours - smooth).mean() < 3


def test_size_and_content_agree(tmp_path):
    path = tmp_path / "a.tif"
    for orientation, tile in itertools.product((*TURNS, 0, 9), (0, 16)):
        path.write_bytes(tiff(drawn((19, 33, 1), 16), 16, tile=tile, orientation=orientation))
        height, width = reading.read(path).luminance.shape
        assert reading.size(path) == (width, height) == ((19, 33) if orientation in (5, 6, 7, 8) else (33, 19))


def test_premultiplied_alpha_is_divided_out():
    rng = np.random.default_rng(6)
    for bits, count in itertools.product((8, 16), (1, 3)):
        white = (1 << bits) - 1
        colours, alpha = rng.integers(0, white + 1, (20, 20, count)), rng.integers(white // 2, white + 1, (20, 20, 1))
        values = np.concatenate([(colours * alpha + white // 2) // white, alpha], axis=-1)
        data = tiff(values, bits, RGB if count == 3 else BLACK_IS_ZERO, tags=[(338, "H", (1,))])
        picture = reading.decode(data, "a.tif")
        expected = scaled(colours, 0, white)
        ours = picture.luminance if count == 1 else picture.rgb
        assert np.abs(ours.astype(int).reshape(expected.shape) - expected).max() <= 1
        assert "alpha dropped, colours divided by it" in picture.notes


def test_cmyk_is_told():
    values = drawn((9, 9, 4), 8)
    picture = reading.decode(tiff(values, 8, 5), "a.tif")
    theirs = Image.fromarray(values.astype(np.uint8), "CMYK").convert("RGB")
    assert (picture.rgb == np.asarray(theirs)).all()
    assert "CMYK" in picture.notes[0]


def test_later_pages_are_told():
    buffer = io.BytesIO()
    pages = [np.full((5, 6), value, np.uint8) for value in (10, 20, 30)]
    tifffile.imwrite(buffer, np.stack(pages), photometric="minisblack")
    picture = reading.decode(buffer.getvalue(), "a.tif")
    assert (picture.luminance == 10).all() and picture.luminance.shape == (5, 6)
    assert picture.notes == ("the first of 3 pages",)


@pytest.mark.parametrize("bigtiff, order", [(True, "<"), (True, ">"), (False, ">")])
def test_big_tiff(bigtiff, order):
    buffer = io.BytesIO()
    values = drawn((40, 50), 16).astype(np.uint16)
    tifffile.imwrite(buffer, values, bigtiff=bigtiff, byteorder=order, photometric="minisblack")
    assert (reading.values(buffer.getvalue(), "") == values).all()


def test_floating_point_predictor():
    buffer = io.BytesIO()
    values = drawn((40, 50), 32, FLOAT)
    tifffile.imwrite(buffer, values, predictor=3, compression="zlib", photometric="minisblack", tile=(16, 16))
    assert (reading.values(buffer.getvalue(), "") == values).all()


GREY = drawn((40, 30, 1), 8)
REFUSED = {
    "no width": (tiff(GREY, 8, tags=[(256, "I", (0,))]), "no picture"),
    "no height": (tiff(GREY, 8, tags=[(257, "I", (0,))]), "no picture"),
    "huge width": (tiff(GREY, 8, tags=[(256, "I", (1 << 31,))]), "pixels"),
    "huge sides": (tiff(GREY, 8, tags=[(256, "I", (1 << 16,)), (257, "I", (1 << 16,))]), "pixels"),
    "huge tile": (tiff(GREY, 8, tile=16, tags=[(322, "I", (1 << 20,)), (323, "I", (1 << 20,))]), "bytes of values"),
    "many samples": (tiff(GREY, 8, tags=[(277, "H", (60_000,)), (258, "H", (8,)), (339, "H", (1,))]), "."),
    "two samples for RGB": (tiff(drawn((9, 9, 2), 8), 8, RGB), "."),
    "truncated strip": (tiff(GREY, 8, tags=[(279, "I", (700,))]), "truncated"),
    "missing tiles": (tiff(GREY, 8, tile=16, tags=[(324, "I", (8, 264)), (325, "I", (256, 256))]), "truncated"),
    "sparse tile": (tiff(GREY, 8, tile=16, tags=[(325, "I", (256, 0, 256, 256, 256, 256))]), "truncated"),
    "broken LZW": (tiff(GREY, 8, compression=LZW, tags=[(273, "I", (40,))]), "."),
    "broken Deflate": (tiff(GREY, 8, compression=DEFLATE, tags=[(273, "I", (40,))]), "."),
    "fax": (tiff(drawn((9, 9, 1), 1), 1, tags=[(259, "H", (4,))]), "compression CCITT"),
    "old JPEG": (tiff(GREY, 8, tags=[(259, "H", (6,))]), "compression"),
    "unknown compression": (tiff(GREY, 8, tags=[(259, "H", (4711,))]), "compression 4711"),
    "Lab": (tiff(drawn((9, 9, 3), 8), 8, 8), "colours of kind"),
    "unpacked YCbCr": (tiff(drawn((8, 8, 3), 8), 8, 6), "colours of kind YCBCR"),
    "mosaic": (tiff(GREY, 8, 32803), "colours of kind"),
    "mixed bits": (tiff(drawn((9, 9, 3), 8), 8, RGB, tags=[(258, "H", (5, 6, 5))]), "bits"),
    "complex": (tiff(drawn((9, 9, 1), 32), 32, tags=[(339, "H", (5,))]), "format"),
    "float colours": (tiff(drawn((9, 9, 3), 32, FLOAT), 32, RGB, FLOAT), "colours of 32 bits"),
    "signed colours": (tiff(drawn((9, 9, 3), 16, SIGNED), 16, RGB, SIGNED), "colours of 16 bits"),
    "float with white as zero": (tiff(drawn((9, 9, 1), 32, FLOAT), 32, WHITE_IS_ZERO, FLOAT), "white"),
    "other inks": (tiff(drawn((9, 9, 4), 8), 8, 5, tags=[(332, "H", (2,))]), "inks"),
    "beyond 2^53": (tiff(drawn((9, 9, 1), 32) << 40, 64), "2.53"),
    "header alone": (b"II*\0" + bytes(4), "."),
    "directory far away": (b"II*\0" + struct.pack("<I", 1 << 31), "."),
    "directory of itself": (b"MM\0*" + struct.pack(">I", 0), "."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line(name, capfd, caplog):
    data, reason = REFUSED[name]
    with pytest.raises(ImageError, match=reason) as caught:
        reading.decode(data, "a.tif", Stretch("minmax"))
    assert "\n" not in caught.value.message and len(caught.value.message) < 300
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_a_jpeg_that_claims_more_than_its_strip_is_refused():
    buffer = io.BytesIO()
    Image.new("L", (64, 64)).save(buffer, "TIFF", compression="jpeg")
    data = bytearray(buffer.getvalue())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 3_000, 3_000)
    with pytest.raises(ImageError, match="larger than its strip"):
        reading.decode(bytes(data), "a.tif")


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("planar", [False, True])
def test_millions_of_strips_are_refused_at_once(rows, planar):
    values = drawn((20, 20, 3), 8)
    data = tiff(values, 8, RGB, planar=planar, rows=rows, tags=[(257, "I", (3_000_000,)), (278, "I", (rows,))])
    start = time.process_time()
    with pytest.raises(ImageError, match="missing"):
        reading.decode(data, "a.tif")
    assert time.process_time() - start < 1


def test_a_chain_of_pages_that_bites_its_tail():
    data = bytearray(tiff(GREY, 8))
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    try:
        assert (reading.decode(bytes(data), "a.tif").luminance == GREY[..., 0]).all()
    except ImageError as error:
        assert "\n" not in error.message


@pytest.mark.parametrize("layout", [{}, {"compression": LZW, "predictor": True}, {"tile": 16, "compression": DEFLATE}])
def test_every_cut_is_noticed(layout):
    data = tiff(drawn((20, 20, 1), 16), 16, **layout)
    whole = reading.decode(data, "a.tif").luminance
    for length in range(0, len(data) - 1, 13):
        with pytest.raises(ImageError) as caught:
            reading.decode(data[:length], "a.tif")
        assert "\n" not in caught.value.message
    assert whole.shape == (20, 20)


def test_damaged_tags_never_escape_as_another_exception():
    rng = np.random.default_rng(8)
    files = [
        tiff(drawn((20, 20, 1), 12), 12, compression=LZW, tile=16),
        tiff(drawn((20, 20, 3), 8), 8, RGB, order=">", planar=True, rows=3),
        tiff(drawn((20, 20, 1), 32, FLOAT), 32, kind=FLOAT, compression=DEFLATE),
    ]
    for data in files:
        start = struct.unpack_from("<I" if data[:2] == b"II" else ">I", data, 4)[0]
        for _ in range(150):
            broken = bytearray(data)
            for place in rng.integers(start, len(data), 2):
                broken[place] = rng.integers(256)
            try:
                picture = reading.decode(bytes(broken), "a.tif", Stretch("percentile"))
                assert picture.luminance.ndim == 2
            except ImageError as error:
                assert "\n" not in error.message


def test_a_small_version_in_front_is_not_the_picture(tmp_path):
    path = tmp_path / "a.tif"
    picture = np.arange(96 * 128, dtype=np.uint16).reshape(96, 128)
    with tifffile.TiffWriter(path) as writer:
        writer.write((picture[::4, ::4] >> 8).astype(np.uint8), subfiletype=1)
        writer.write((picture % 251).astype(np.uint8))
    found = reading.read(path)
    np.testing.assert_array_equal(found.luminance, picture % 251)
    assert found.notes == ("the first of full size of 2 pages",)
    assert reading.size(path) == (128, 96)


def test_a_stack_behind_one_header_is_told(tmp_path):
    path = tmp_path / "a.tif"
    stack = np.stack([np.full((20, 30), level, np.uint8) for level in (10, 200, 90)])
    tifffile.imwrite(path, stack, truncate=True, photometric="minisblack")
    found = reading.read(path)
    assert (found.luminance == 10).all() and found.notes == ("the first of 3 pages",)
