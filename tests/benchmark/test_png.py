"""Plain PNGs decoded by the compiled kernel: Pillow's pixels, and Pillow itself for everything else."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from benchmark.imaging import png, reading
from metrics import kernel

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
MOST = 1 << 20


@pytest.fixture(autouse=True)
def built():
    if png.kernels() is None:
        pytest.skip("the kernels were not built: no compiler at installation")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def file(shape, rows: bytes, parts: int = 1, extra: bytes = b"") -> bytes:
    """A PNG of these filtered rows, its data in `parts` chunks, with chunks `extra` before them."""
    h, w, channels = shape
    packed = zlib.compress(rows)
    step = -(-len(packed) // parts)
    data = b"".join(chunk(b"IDAT", packed[k : k + step]) for k in range(0, len(packed), step))
    header = struct.pack(">IIBBBBB", w, h, 8, COLOUR_TYPES[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b"")


def noise(shape, filters=(0, 1, 2, 3, 4), seed=0) -> bytes:
    """Filtered rows of random bytes, each row by one of the filters at random."""
    h, w, channels = shape
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (h, 1 + w * channels)).astype(np.uint8)
    rows[:, 0] = rng.choice(filters, h)
    return rows.tobytes()


def pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        array = np.array(image)
    return array if array.ndim == 3 else array[..., None]


@pytest.mark.parametrize("isa", kernel.ISAS)
@pytest.mark.parametrize("channels", MODES)
def test_every_filter_gives_pillows_pixels(channels, isa, monkeypatch):
    monkeypatch.setenv("BENCH_ISA", isa)
    kernel.library.cache_clear()
    try:
        if png.kernels() is None:
            pytest.skip(f"this processor does not run {isa}")
        # Around the 32 rows that go at once, and around whole vectors.
        for h, w in ((1, 1), (2, 9), (31, 7), (32, 8), (33, 65), (64, 1), (97, 130)):
            for filters in (*((k,) for k in range(5)), (0, 1, 2, 3, 4)):
                data = file((h, w, channels), noise((h, w, channels), filters))
                pixels = png.decode(data, MOST)
                assert pixels.dtype == np.uint8 and pixels.any()
                assert (pixels == pillow(data)).all(), (h, w, filters)
    finally:
        monkeypatch.undo()
        kernel.library.cache_clear()


@pytest.mark.parametrize("channels", MODES)
def test_pictures_are_those_of_pillow(channels, monkeypatch):
    data = file((70, 51, channels), noise((70, 51, channels)), parts=3, extra=chunk(b"tIME", bytes(7)))
    ours = reading.decode(data, "a.png")
    monkeypatch.setattr(png, "kernels", lambda: None)
    theirs = reading.decode(data, "a.png")
    assert (ours.luminance == theirs.luminance).all()
    assert ours.luminance.flags.c_contiguous and ours.notes == theirs.notes
    assert ours.notes == (("alpha dropped",) if channels in (2, 4) else ())
    assert (ours.rgb is None) == (theirs.rgb is None) == (channels < 3)
    assert channels < 3 or (ours.rgb == theirs.rgb).all()


def test_luminance_of_every_colour_of_a_grid_is_pillows():
    levels = np.arange(0, 256, 3, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, len(levels), 3)
    grey, colourless = png.kernels().luminance(rgb)
    assert (grey == np.asarray(Image.fromarray(rgb).convert("L"))).all() and not colourless
    same = np.repeat(levels[None, :, None], 3, axis=2)
    grey, colourless = png.kernels().luminance(same)
    assert (grey[0] == levels).all() and colourless
    same[0, -1, 2] ^= 1
    assert not png.kernels().luminance(same)[1]


def test_real_files_take_the_fast_way(shared):
    files = [
        path
        for folder in ("MSRS/test/vi", "MSRS/test/ir", "TNO/ir", "Harvard/PET-MRI/test", "M3FD_Detection/Vis")
        for path in sorted((shared / "data" / folder).rglob("*.png"))[:3]
    ]
    assert len(files) >= 15
    for path in files:
        data = path.read_bytes()
        assert (png.decode(data, MOST) == pillow(data)).all(), path


def saved(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def test_what_is_not_plain_is_left_to_pillow():
    exif = Image.Exif()
    exif[0x0112] = 6
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="3"/>')
    grey = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8))
    others = {
        "turned": saved(grey, exif=exif),
        "turned by XMP": saved(grey, pnginfo=text),
        "palette": saved(grey.convert("P")),
        "bilevel": saved(grey.convert("1")),
        "16 bits": saved(Image.fromarray(np.arange(48, dtype=np.uint16).reshape(6, 8))),
        "transparent": saved(grey, transparency=3),
        "animated": saved(grey, save_all=True, append_images=[grey.rotate(180)]),
        "JPEG": b"\xff\xd8\xff\xe0" + bytes(60),
        "nothing": b"",
        "too large": file((9, 9, 1), noise((9, 9, 1))),
    }
    for name, data in others.items():
        assert png.decode(data, 80) is None, name
    assert (reading.decode(others["turned"], "a.png").luminance == np.rot90(np.asarray(grey), -1)).all()


def test_every_damaged_byte_and_every_cut_is_noticed():
    shape = (5, 4, 3)
    data = file(shape, noise(shape), parts=2)
    whole = png.decode(data, MOST)
    assert whole is not None
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 0x10
        assert png.decode(bytes(broken), MOST) is None, place
        assert png.decode(data[:place], MOST) is None


def test_rows_that_do_not_fit_the_header():
    shape, rows = (5, 4, 3), noise((5, 4, 3))
    assert png.decode(file(shape, rows[:-1]), MOST) is None
    assert png.decode(file(shape, rows + b"\0"), MOST) is None
    assert png.decode(file(shape, b"\5" + rows[1:]), MOST) is None
    assert png.decode(file(shape, rows + bytes(10_000_000)), MOST) is None


def test_zlib_serves_where_isal_is_missing(monkeypatch):
    data = file((40, 33, 3), noise((40, 33, 3)))
    monkeypatch.setattr(png, "inflater", zlib)
    assert (png.decode(data, MOST) == pillow(data)).all()


MEASURED = """
import resource, sys, zlib
import numpy as np
sys.path.insert(0, {tests!r})
import test_png
from benchmark.imaging import png
shape = {shape}
data = test_png.file(shape, bytes(shape[0] * (1 + shape[1] * shape[2])))
png.decode(test_png.file((40, 40, 1), bytes(40 * 41)), 1 << 30)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert png.decode(data, 1 << 30).shape == shape
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts kilobytes on Linux")
@pytest.mark.parametrize("shape", [(1, 4194304, 4), (31, 500_000, 1), (33, 500_000, 1), (1, 16_000_000, 1)])
def test_decoding_takes_the_memory_of_few_images_whatever_their_shape(shape):
    """Of the filtered rows, the pixels, and what the kernel holds beside them."""
    script = MEASURED.format(tests=str(Path(__file__).parent), shape=shape)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 6 * np.prod(shape)
