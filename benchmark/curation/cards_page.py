"""The page about the data sets, docs/datasets.md: ``python -m benchmark.curation.cards_page > docs/datasets.md``."""

from __future__ import annotations

from benchmark import datasets
from benchmark.datasets.abstract import Dataset

_HEAD = """\
# Data sets

Rendered from the cards by `python -m benchmark.curation.cards_page`; change the cards in `benchmark/datasets/`, not
this page.

Put the sets under one folder and name it by `--data-root DIR` or `BENCH_DATA=DIR`. Folder names are found in any
case, one folder deeper (as archives have it), and under the usual other names of the two folders (`ir`, `infrared`,
`thermal`, `lwir`; `vi`, `vis`, `visible`, `rgb`; with `train`/`test` inside or around); `bench ls datasets` says what
was recognised.

| command | what it does |
| --- | --- |
| `bench data pull NAME` | downloads the set at a fixed revision, every file checked, or tells the steps by hand |
| `bench data verify NAME` | checks every pair: complete, readable, one size, in register, as published, none twice |
| `bench data labels NAME --labels FILE` | what labels hold in every division, with or without the images |
| `bench data leak --dataset NAME --split S` | how many test images have a near twin in training |
| `bench data leak … --geometric` | which of them show the place of a training image, though the camera moved |
| `bench data synth --out DIR --pairs N` | drawn scenes with boxes, in the layout of M3FD's detection set |
| `bench data scenes --out DIR` | divides M3FD by whole scenes, balanced on the classes of the labels that are there |

`--geometric` sees what a hash does not: that the camera moved. It matches SIFT features (600 an image, of infrared
and of visible images) that are each other's nearest and pass the ratio test, and counts those that one fundamental
matrix explains (MAGSAC++). Unrelated images have about 9 such inliers; what is above that, of both modalities together,
is the evidence. What stands still between two images counts only where it fills the picture, since a logo, a time, a
frame or a bonnet is in every image of a camera. The threshold is set by couples with one image mirrored, which have the
same texture and show no common place: none of up to 30,000 reaches it. A mark that another crop of the image moves, and
a place seen from another side, are beyond it; medical sets are refused, since their ids tell the case.

A **scene** is what one place or one drive shows: tests and intervals take it as one observation, and beside every table
stands how many of its pairs, or of their scenes, a method of it was trained on, as far as it names a list that is known
here. TNO, RoadScene and VIFB: pairs that local features match, directly or through others
(`python -m studies.scene_lists tno`); MSRS: stretches of ids; Harvard: cases.

A set that is there in part runs with what is there, as a split called after how many pairs and which
(`test-60of361-44098d`): never mixed with the whole set or another part. A pair of which one image is missing fails.

Lists of one's own (`--train`, `--test`, `--scenes`, …) may be UTF-8, UTF-16 or UTF-32, with any line ends. A line is an
id, a file name or a path in either system's spelling, perhaps quoted, perhaps with more columns beside it (tab, comma,
semicolon, space). Where the set's ids are known, the column that holds one is taken; of a line with several ids all
count. What starts with #, //, ; or % is a remark. Headings, ids that stand twice and ids that the set does not know are
counted and told; `bench data leak` refuses a list of which a set with published lists knows none.

Ids of pairs are the names of the files, folders joined by `_`, with bytes that are no UTF-8 as `%FF`: they name files
in the results. What is only shown, such as paths, has U+XXXX for each character that cannot be printed. Images in
folders within `--ir` or `--vis` are read where these hold none themselves, down to four folders deep; those beside
others are counted and told, with the pattern that reads them. Files of other kinds than those below are named where
their image is missing.

How images are read: one way for everything (`benchmark/imaging/reading.py`). Whatever is changed or left out is noted.

| what | what becomes of it |
| --- | --- |
| PNG, JPEG, BMP, TIFF, GIF, WebP, JPEG 2000, PGM, PPM, PBM, PFM | read; of several frames or pages the first |
| layouts of TIFF | strips, tiles, planes, both byte orders, BigTIFF |
| compressions of TIFF | LZW, Deflate, PackBits, JPEG, LZMA, Zstandard; others (fax) are refused |
| mosaics, Lab, mixed bit depths in TIFF | refused |
| orientation (EXIF, all eight), white as zero | applied |
| RGB, palettes, CMYK | 8-bit RGB, other depths scaled as grey is; alpha is dropped |
| grey of 1 to 16 bits | scaled so that white becomes 255: 16 bits by 1/257; the levels used are counted |
| signed, and integers of 32 bits | as counts of 16 bits (8 for signed 8 bits); values outside need a stretch |
| floating point | needs a stretch; a picture with a value that is not finite is refused |
| colour profiles, gamma | not applied: values count as they are stored |
| more than 2^26 pixels, or a file that ends early | refused, in one line |

A stretch (`--stretch minmax` or `percentile`) is for grey and RGB of more than 8 bits, and for signed or floating-point
grey; it touches no other picture. It makes 0..255 of the range from the least to the greatest value, or from the 1st to
the 99th percentile, over all three channels; what lies outside is clipped, halves are rounded up. A constant picture
becomes 0 everywhere. 8-bit values in a 16-bit file are suspected where nothing is brighter than 385; save those as 8
bits, as a stretch makes other values of them.

Luminance is BT.601 full range, 0.299 R + 0.587 G + 0.114 B, rounded to the nearest integer.

What is told: `bench run` and `bench eval` say in a line each, with the number of images, what reading converted and
what cannot be meant, on stderr, in `run.json` and below tables. Of sources: 16 levels or fewer, 99 % of the pixels of
one level, the same image twice, colours in an infrared image, signs that the two sides are swapped. Of fused images:
few levels in the same way, the colours of a colour map, copies or negatives of a source, one image for pairs of
different sources, and images from elsewhere that look stretched: all span 0 to 255 exactly, also where neither source
does ([reports.md](reports.md#one-output-for-all)). All are scored; `ir` and `vis`, whose images are a source by design,
are not called copies. `bench detect` and `bench train` tell of the sources. What reading converts in the file that a
`cmd:` method writes is told of its fused image.

A picture is coloured where more than 5 % of its pixels have channels more than 24 levels apart. The colours of a fused
image are taken for a colour map's where they are fewer than a photograph's (400, of 32 levels a channel) or gaudier
(channels 64 levels apart on average), and differ in Cb and Cr by more than 24 from the source's in most pixels. On 193
pairs of seven sets JET was told of all; of 12 ways to give an average, a maximum, the infrared image and a sum the
source's colours, one image of VIFB was told. Dark maps (inferno, hot) on dark images are missed.

`--stretch minmax` or `percentile` maps sources of more than 8 bits from their extremes, or from their 1st to
their 99th percentile, to 0..255, where scaling by the depth would leave few levels of a thermal camera's counts. Each
image has its own range, or, with `--stretch-over set`, all infrared images of the split have one and all visible ones
another, which is part of the keys. A stretched split has a name of its own (`test~stretch-minmax`,
`test~stretch-minmax-set`). Fused images from elsewhere are never stretched.

Labels: classes come from the names in the XML files, boxes count pixels from 1 and include `xmax` and `ymax`. YOLO
files of M3FD circulate with two orders of the classes (3 = Motorcycle or 3 = Lamp): they are read where a file beside
them names the classes, or with `--label-order`, and refused otherwise.

Lists of ids lie in `benchmark/datasets/splits/`, each with its source in the first line; `sha256.txt` holds the hash of
each, which is checked whenever a list is read.
"""

_SCENES = """\
## Divisions of M3FD's detection set

M3FD's 4,200 labelled pairs are frames of 73 scenes, numbered through. The published m3fd-zxSplit puts the beginning of
each scene into training and its end into testing, so that its runs of ids show where scenes begin. Share of test images
with a training image within 1, 2, 5 and 10 ids:

| division | what it is | ±1 | ±2 | ±5 | ±10 |
| --- | --- | ---: | ---: | ---: | ---: |
"""

_SCENES_END = """
`scene` keeps whole scenes together (no scene in two parts; the neighbours that remain are the last frame of one scene
and the first of the next). It is balanced on images, scenes and recording order; with the labels at hand,
`bench data scenes` divides on the count of each class as well.
"""

_SYNTH = """\
## Drawn scenes

![Scenes of synth-det](synth.png)

Day, dusk, night, glare and fog, from top to bottom: three frames of one scene and one of another, visible above
infrared (`python -m benchmark.curation.contact_sheet docs/synth.png`). In the dark people are lost in the visible
image; cold vehicles and switched-off lamps are lost in the infrared one.

A seed gives the same pixels on every machine. They follow from arithmetic that IEEE 754 fixes to the last bit, from
whole numbers, and from a bit generator whose stream numpy never changes (`benchmark/datasets/synth/exact.py` says how);
no sine or exponential of a C library and no filter whose rounding depends on the processor has a part in it.
`tests/benchmark/test_synth_exact.py` holds the hashes and checks them with the processor's wide instructions switched
off as well; they were the same with numpy 1.26.4, 2.0.2, 2.2.6 and 2.4.6 and OpenCV 4.9.0, 4.10.0, 4.12.0 and 5.0.0, on
x86-64 under Python 3.11. Other processors were not at hand.
"""


def markdown() -> str:
    """The page."""
    sources = [datasets.get(name) for name in datasets.names()]
    parts = [_HEAD, *(_card(source) for source in sources if source.name != "folder"), _divisions(), _SYNTH]
    return "\n".join(parts)


def _card(source: Dataset) -> str:
    card = source.card
    lines = [f"## {card.title} (`{source.name}`)", ""]
    counts = ", ".join(f"{split} {count}" for split, count in card.counts.items() if count is not None)
    manifest = source.manifest()
    rows = {
        "Paper": f"{card.citation} ({card.year})" if card.year else card.citation,
        "Licence": card.licence,
        "Use": card.use,
        "Kind": {"ivf": "infrared and visible", "mif": "medical"}[card.task],
        "Images": card.size,
        "Pairs": counts,
        "Labels": card.labels,
        "Layout": f"`{card.layout}`" if card.link else card.layout,
        "Publisher": f"<{card.link}>" if card.link else "",
        "Download": f"`bench data pull {source.name}`: {len(manifest.files)} files from <{manifest.source}>"
        if manifest
        else "",
    }
    lines += [f"- {name}: {value}" for name, value in rows.items() if value]
    if card.by_hand:
        lines += ["- By hand:", *(f"  {number}. {step}" for number, step in enumerate(card.by_hand, start=1))]
    lines += [f"- {note}" for note in card.notes]
    lines += ["", "| split | what it is |", "| --- | --- |"]
    lines += [
        f"| `{split}`{' (default)' if split == source.default_split else ''} | {what} |"
        for split, what in source.splits().items()
    ]
    return "\n".join([*lines, ""])


def _divisions() -> str:
    from benchmark.curation import leakage

    rows = []
    source = datasets.get("m3fd")
    for name, parts in source.schemes().items():
        shares = leakage.neighbours(parts["train"], parts["test"])
        what = source.splits()[f"{name}-test"].removeprefix("test: ")
        rows.append(f"| `{name}` | {what} | {' | '.join(f'{100 * share:.1f} %' for share in shares.values())} |")
    return _SCENES + "\n".join(rows) + "\n" + _SCENES_END


if __name__ == "__main__":
    print(markdown(), end="")
