"""Files of other formats than TIFF: read right, told what was changed, or refused in one line."""

import io
import itertools
import struct
import zlib

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image
from tiff_files import TURNS

from benchmark.imaging import bt601, png, reading
from benchmark.imaging.reading import ImageError, Stretch

RGB = np.random.default_rng(0).integers(0, 256, (21, 34, 3)).astype(np.uint8)
GREY = RGB[..., 0]
DEEP = np.random.default_rng(1).integers(0, 65536, (21, 34)).astype(np.uint16)
DEEP.flat[:2] = 0, 65535


def saved(image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def png_file(samples: np.ndarray, bits: int, interlaced: bool = False, before: bytes = b"", palette=None) -> bytes:
    """A PNG of `samples` (H, W, S), written from the specification alone, without filters."""
    height, width, count = samples.shape
    colour_type = 3 if palette is not None else {1: 0, 2: 4, 3: 2, 4: 6}[count]
    rows = b""
    for y, x, down, right in PASSES if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::down, x::right]
        for row in part if part.size else ():
            digits = (row.reshape(-1, 1).astype(np.int64) >> np.arange(bits - 1, -1, -1)) & 1
            rows += b"\0" + np.packbits(digits.ravel().astype(np.uint8)).tobytes()
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    if palette is not None:
        before = chunk(b"PLTE", palette.astype(np.uint8).tobytes()) + before
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before
    return start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def eighth(values: np.ndarray, white: int) -> np.ndarray:
    """0..white to 0..255, halves rounded up, in integers."""
    return ((values.astype(np.int64) * 510 + white) // (2 * white)).astype(np.uint8)


def exif_chunk(orientation: int) -> bytes:
    return chunk(b"eXIf", turned(orientation).tobytes().removeprefix(b"Exif\0\0"))


def test_every_kind_of_png(monkeypatch):
    rng = np.random.default_rng(2)
    turns = itertools.cycle(TURNS)
    for bits, count, interlaced in itertools.product((1, 2, 4, 8, 16), (1, 2, 3, 4), (False, True)):
        if bits < 8 and count > 1:
            continue
        for transparent in (b"", chunk(b"tRNS", bytes(6)[: 2 * count])) if count in (1, 3) else (b"",):
            white = (1 << bits) - 1
            samples = rng.integers(0, white + 1, (13, 11, count))
            orientation = next(turns)
            data = png_file(
                samples, bits, interlaced, transparent + (exif_chunk(orientation) if orientation > 1 else b"")
            )
            name = f"{bits} {count} {interlaced} {transparent} {orientation}"
            expected = TURNS[orientation](eighth(samples, white))
            picture = reading.decode(data, name)
            if count < 3:
                assert picture.rgb is None
                np.testing.assert_array_equal(picture.luminance, expected[..., 0], name)
            else:
                np.testing.assert_array_equal(picture.rgb, expected[..., :3], name)
                assert (picture.luminance == bt601.luminance(picture.rgb)).all()
            assert picture.depth == bits
            assert ("alpha dropped" in picture.notes) == (count in (2, 4) or bool(transparent)), name
            assert ("turned as its EXIF orientation says" in picture.notes) == (orientation > 1)
            assert any("scaled by" in note for note in picture.notes) == (bits != 8)
            raw = reading.values(data, name)
            if bits == 16 and count < 3:
                assert (raw == TURNS[orientation](samples)[..., 0]).all()
                theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
                theirs = theirs if theirs.ndim == 2 else theirs[..., 0]
                assert (TURNS[orientation](theirs) == raw).all()
            elif bits == 16:
                np.testing.assert_array_equal(raw, TURNS[orientation](samples)[..., :3], name)
            else:
                assert raw is None


def test_grey_with_alpha_reads_as_without():
    deep = np.stack([DEEP, DEEP[::-1]], axis=-1)
    with_alpha, without = (png_file(values, 16) for values in (deep, deep[..., :1]))
    for stretch in (None, Stretch("minmax"), Stretch("percentile")):
        one, other = reading.decode(with_alpha, "", stretch), reading.decode(without, "", stretch)
        assert (one.luminance == other.luminance).all()
        assert set(one.notes) - set(other.notes) == {"alpha dropped"}


def test_colour_of_16_bits_that_is_grey_is_grey():
    data = png_file(np.repeat(DEEP[..., None], 3, axis=2), 16)
    picture = reading.decode(data, "")
    assert picture.rgb is None
    assert (picture.luminance == eighth(DEEP, 65535)).all()
    assert (reading.values(data, "") == DEEP).all()


def test_palette_of_png():
    rng = np.random.default_rng(3)
    for bits, interlaced in itertools.product((1, 2, 4, 8), (False, True)):
        palette = rng.integers(0, 256, (1 << bits, 3))
        index = rng.integers(0, 1 << bits, (13, 11, 1))
        picture = reading.decode(png_file(index, bits, interlaced, palette=palette), "")
        assert (picture.rgb == palette[index[..., 0]]).all()
        assert (picture.notes, picture.depth) == (("palette image",), 8)


def test_plain_alpha_is_told_by_both_ways(monkeypatch):
    for image in (np.dstack([GREY, GREY]), np.dstack([RGB, GREY])):
        data = png_file(image, 8)
        pictures = [reading.decode(data, "")]
        with monkeypatch.context() as patch:
            patch.setattr(png, "kernels", lambda: None)
            pictures.append(reading.decode(data, ""))
        for picture in pictures:
            assert picture.notes == ("alpha dropped",)


@pytest.mark.parametrize("white", [1, 2, 15, 34, 100, 200, 255, 256, 1000, 1023, 4095, 16383, 65535])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("text", [False, True])
def test_netpbm(white, count, text):
    values = np.random.default_rng(white).integers(0, white + 1, (9, 7, count))
    values.flat[0] = white
    kind = {(1, False): "P5", (3, False): "P6", (1, True): "P2", (3, True): "P3"}[count, text]
    body = " ".join(map(str, values.ravel())).encode() + b"\n# the end\n"
    if not text:
        body = values.astype(">u2" if white > 255 else "u1").tobytes()
    data = f"{kind}\n# a comment\n7 9\n{white}\n".encode() + body
    picture = reading.decode(data, "a.pgm")
    expected = eighth(values, white)
    if count == 1:
        assert (picture.luminance == expected[..., 0]).all()
        assert picture.depth == white.bit_length()
        raw = reading.values(data, "")
        assert raw is None if white < 256 else (raw == values[..., 0]).all()
    else:
        assert (picture.rgb == expected).all()
        raw = reading.values(data, "")
        assert raw is None if white < 256 else (raw == values).all()
    assert any("scaled by" in note for note in picture.notes) == (white != 255)


def test_bitmaps_and_floats_of_netpbm():
    picture = reading.decode(b"P4\n8 2\n\xaa\x55", "a.pbm")
    assert (picture.luminance == np.array([[0, 255] * 4, [255, 0] * 4])).all() and picture.depth == 1
    data = b"Pf\n2 2\n-1.0\n" + np.array([2, 3, 0, 1], "<f4").tobytes()  # from the lowest row up
    assert (reading.values(data, "") == [[0, 1], [2, 3]]).all()
    assert (reading.decode(data, "", Stretch("minmax")).luminance == [[0, 85], [170, 255]]).all()
    with pytest.raises(ImageError, match="--stretch"):
        reading.decode(data, "a.pfm", Stretch())


def test_the_first_of_several_pictures_of_netpbm():
    for one in (
        b"P4\n9 2\n" + bytes(4),
        b"P5\n3 2\n255\n" + bytes(6),
        b"P5\n3 2\n100\n" + bytes(6),
        b"P5\n3 2\n65535\n" + bytes(12),
        b"P6\n3 2\n1023\n" + bytes(36),
        b"P6\n3 2\n255\n" + bytes(18),
        b"Pf\n3 2\n-1.0\n" + bytes(24),
    ):
        for data, several in ((one, False), (one + b"\n", False), (one + one, True), (one + b"\n" + one, True)):
            notes = reading.decode(data, "a", Stretch("minmax")).notes
            assert ("the first of several pictures" in notes) == several, one


@pytest.mark.parametrize("bits", [4, 8, 10, 12, 14, 16])
def test_jpeg_2000_of_grey(bits):
    values = (DEEP >> (16 - bits)).astype(np.uint16 if bits > 8 else np.uint8)
    assert values.max() == (1 << bits) - 1
    for container in ("jp2", "j2k"):
        data = imagecodecs.jpeg2k_encode(values, level=0, reversible=True, bitspersample=bits, codecformat=container)
        picture = reading.decode(data, "a.jp2")
        assert (picture.luminance == eighth(values, (1 << bits) - 1)).all()
        assert picture.depth == bits
        if bits >= 8:  # OpenCV reads no less
            theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(theirs, values)
        raw = reading.values(data, "")
        assert raw is None if bits <= 8 else (raw == values).all()


def test_colour_of_jpeg_2000():
    assert (reading.decode(imagecodecs.jpeg2k_encode(RGB, level=0, reversible=True), "").rgb == RGB).all()
    picture = reading.decode(imagecodecs.jpeg2k_encode(RGB.astype(np.uint16) * 257, level=0, reversible=True), "")
    assert (picture.rgb == RGB).all()
    used = len(np.unique(picture.luminance))
    assert picture.notes == (f"16-bit colour, scaled by 1/257; {used} of 256 levels are used",)
    alpha = imagecodecs.jpeg2k_encode(np.dstack([RGB, GREY]), level=0, reversible=True)
    picture = reading.decode(alpha, "")
    assert (picture.rgb == RGB).all() and picture.notes == ("alpha dropped",)


def test_signed_jpeg_2000():
    values = GREY.astype(np.int16) - 100
    data = imagecodecs.jpeg2k_encode(values, level=0, reversible=True)
    assert (reading.values(data, "") == values).all()
    with pytest.raises(ImageError, match="16-bit signed values outside"):
        reading.decode(data, "a.jp2")
    assert (reading.decode(data, "", Stretch("minmax", -100, 155)).luminance == GREY).all()


def test_webp_and_gif():
    assert (reading.decode(saved(RGB, "WEBP", lossless=True), "").rgb == RGB).all()
    picture = reading.decode(saved(np.dstack([RGB, np.full_like(GREY, 200)]), "WEBP", lossless=True), "")
    assert (picture.rgb == RGB).all() and picture.notes == ("alpha dropped",)
    picture = reading.decode(saved(GREY, "GIF"), "")
    assert (picture.luminance == GREY).all() and picture.rgb is None


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_of_several_frames(kind):
    frames = [Image.fromarray(np.full((9, 8, 3), level, np.uint8)) for level in (10, 90, 200)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    picture = reading.decode(data, "")
    assert (picture.luminance == 10).all()
    assert "the first of 3 frames" in picture.notes


def test_the_first_of_several_pictures_in_a_jpeg():
    frames = [Image.fromarray(np.full((16, 16, 3), level, np.uint8)) for level in (10, 200)]
    picture = reading.decode(saved(frames[0], "MPO", save_all=True, append_images=frames[1:]), "a.jpg")
    assert (picture.luminance == 10).all() and picture.notes == ("the first of 2 pictures",)


def test_cmyk_jpeg_is_told():
    cmyk = Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).convert("CMYK")
    picture = reading.decode(saved(cmyk, "JPEG"), "")
    assert picture.notes == ("CMYK, converted to RGB without a colour profile",)
    assert np.abs(picture.luminance.astype(int) - 90).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_size_and_content_agree(tmp_path, kind):
    path = tmp_path / "a"
    for orientation in TURNS:
        path.write_bytes(saved(RGB, kind, exif=turned(orientation)))
        height, width = reading.read(path).luminance.shape
        assert reading.size(path) == (width, height) == ((21, 34) if orientation > 4 else (34, 21))


def test_a_colour_profile_changes_nothing():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert (reading.decode(saved(RGB, "PNG", icc_profile=profile), "").rgb == RGB).all()


def jpeg2000(values: np.ndarray, **options) -> bytes:
    """Without the zeros that some versions of the encoder append."""
    data = imagecodecs.jpeg2k_encode(values, level=0, reversible=True, **options)
    return data[: data.index(b"\xff\xd9") + 2]


FILES = {
    "PNG": saved(RGB, "PNG"),
    "16-bit PNG": png_file(DEEP[..., None], 16),
    "interlaced PNG": png_file(DEEP[..., None], 16, interlaced=True),
    "JPEG": saved(RGB, "JPEG"),
    "BMP": saved(RGB, "BMP"),
    "GIF": saved(GREY, "GIF"),
    "WebP": saved(RGB, "WEBP", lossless=True),
    "JPEG 2000": jpeg2000(RGB),
    "12-bit JPEG 2000": jpeg2000(DEEP >> 4, bitspersample=12),
    "PGM": b"P5\n34 21\n255\n" + GREY.tobytes(),
    "16-bit PGM": b"P5\n34 21\n4095\n" + (DEEP >> 4).astype(">u2").tobytes(),
    "text": b"P2\n34 21\n1000\n" + " ".join(map(str, (DEEP % 1000).ravel())).encode(),
    "PFM": b"Pf\n34 21\n-1.0\n" + DEEP.astype("<f4").tobytes(),
}


@pytest.mark.parametrize("name", FILES)
def test_half_a_file_is_refused(name, capfd, caplog):
    data = FILES[name]
    assert reading.decode(data, "a", Stretch("minmax")).luminance.shape == (21, 34)
    for part in (0.02, 0.2, 0.5, 0.8, 0.95):
        with pytest.raises(ImageError) as caught:
            reading.decode(data[: int(len(data) * part)], "a", Stretch("minmax"))
        assert "\n" not in caught.value.message and len(caught.value.message) < 300
    assert capfd.readouterr() == ("", "") and not caplog.records


@pytest.mark.parametrize("name", FILES)
def test_damage_never_escapes_as_another_exception(name, tmp_path):
    data, rng = FILES[name], np.random.default_rng(4)
    path = tmp_path / "a"
    for _ in range(60):
        broken = bytearray(data)
        for place in rng.integers(0, min(len(data), 120), 3):
            broken[place] = rng.integers(256)
        path.write_bytes(broken)
        for action in (reading.read, reading.size, lambda path: reading.values(path.read_bytes(), path)):
            try:
                action(path)
            except ImageError as error:
                assert "\n" not in error.message and len(error.message) < 400


def j2k(width: int, height: int) -> bytes:
    data = bytearray(imagecodecs.jpeg2k_encode(GREY, codecformat="j2k"))
    data[8:16] = data[24:32] = struct.pack(">II", width, height)
    return bytes(data)


def test_a_container_that_claims_less_than_its_codestream():
    data = bytearray(imagecodecs.jpeg2k_encode(DEEP, level=0, reversible=True))
    start = data.index(b"\xff\x4f\xff\x51")
    for side in (0, 16):
        data[start + 8 + side : start + 16 + side] = struct.pack(">II", 70_000, 70_000)
    with pytest.raises(ImageError, match="of another size"):
        reading.decode(bytes(data), "a.jp2")


@pytest.mark.parametrize(
    "data",
    [
        b"P5\n70000 70000\n255\n" + bytes(100),
        b"P5\n70000 70000\n65535\n" + bytes(100),
        b"Pf\n70000 70000\n-1.0\n" + bytes(100),
        b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(100),
        saved(RGB, "BMP")[:18] + struct.pack("<ii", 70_000, 70_000) + saved(RGB, "BMP")[26:],
        png_file(DEEP[..., None], 16)[:16] + struct.pack(">II", 70_000, 70_000) + bytes(100),
        j2k(70_000, 70_000),
    ],
    ids=["PGM", "16-bit PGM", "PFM", "GIF", "BMP", "PNG", "JPEG 2000"],
)
def test_huge_claims_are_refused(data, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(data)
    for action in (reading.read, reading.size):
        with pytest.raises(ImageError) as caught:
            action(path)
        assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "data", [b"P5\n0 5\n255\n", b"P5\n5 0\n255\n", png_file(DEEP[:1, :1, None], 16)[:16] + bytes(8)]
)
def test_no_pixels(data):
    with pytest.raises(ImageError):
        reading.decode(data, "a")


def test_one_pixel():
    for data in (saved(GREY[:1, :1], kind) for kind in ("PNG", "GIF", "BMP", "TIFF", "PPM")):
        assert reading.decode(data, "a").luminance.tolist() == [[GREY[0, 0]]]
    assert reading.decode(png_file(np.full((1, 1, 1), 65535), 16), "a").luminance.tolist() == [[255]]


def test_a_kind_of_jpeg_that_is_not_read():
    with pytest.raises(ImageError, match="12 bits"):
        reading.decode(imagecodecs.jpeg8_encode(DEEP >> 4, bitspersample=12), "a.jpg")


def test_what_starts_other_programs_or_is_not_read_is_refused():
    for data in (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\x76\x2f\x31\x01" + bytes(100),  # OpenEXR
        b"#?RADIANCE\n",
        b"\0\0\0 ftypavif" + bytes(100),
        b"\0\0\1\0" + bytes(100),  # icon
        bytes(128) + b"DICM" + bytes(100),
    ):
        with pytest.raises(ImageError, match="not a PNG, JPEG"):
            reading.decode(data, "a")


def test_extensions():
    assert not set(reading.EXTENSIONS) & set(reading.NOT_READ)
    assert len(set(reading.NOT_READ)) == len(reading.NOT_READ)
    assert all(name == name.lower() and name[0] == "." for name in (*reading.EXTENSIONS, *reading.NOT_READ))


def test_values_above_the_stated_maximum_are_told(tmp_path):
    path = tmp_path / "over.pgm"
    path.write_bytes(b"P5 4 1 100\n" + bytes([0, 50, 100, 255]))
    picture = reading.read(path)
    assert picture.luminance.tolist() == [[0, 128, 255, 255]]
    assert "1 values above the stated maximum of 100, taken as white" in picture.notes


@pytest.mark.parametrize(("head", "kind"), [(b"PF\n4 1\n-1.0\n", "PFM with colours"), (b"P7\nWIDTH 4\n", "PAM")])
def test_kinds_of_pnm_that_are_not_read_are_named(head, kind):
    with pytest.raises(ImageError, match=f"{kind} is not read"):
        reading.decode(head + bytes(48), "a.pgm")
