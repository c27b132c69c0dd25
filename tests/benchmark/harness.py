"""What the tests of the harness share: small pictures, `bench` as a process, a look at what it leaves."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.store import files

ROOT = Path(__file__).resolve().parents[2]
IDS = ("a", "b", "c", "d")


def draw(path: Path, seed: int, size=(48, 64), colour=False) -> None:
    """A smooth random picture of (height, width) `size`."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (size[0] // 8 + 1, size[1] // 8 + 1, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if colour else image.convert("L")).save(path)


FOLDER = ("--dataset", "folder", "--ir", "ir", "--vis", "vis")


def start(folder: Path, *arguments, before: str = "") -> subprocess.Popen:
    """Start `bench` as a process of its own in `folder`; before: Python that runs first."""
    code = f"{textwrap.dedent(before)}\nfrom benchmark.cli import main\nmain(prog_name='bench')"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def cell(folder: Path, method: str) -> Path:
    """The folder of a method's results on the pairs in `folder`."""
    (found,) = folder.glob(f"results/folder@*/{method}")
    return found


def rewrite(scores: Path, change) -> None:
    """Pass the lines of scores.jsonl through `change`, as if they had been written so; None leaves a line out."""
    files.write_lines(
        scores, [files.signed(new) for line in files.read_lines(scores) if (new := change(line)) is not None]
    )


def scored_anew(image: Path) -> None:
    """Make the scores of a fused image in the store those of the file that is there now."""
    digest = files.file_sha256(image)
    rewrite(
        image.parents[1] / "scores.jsonl", lambda line: line | {"fused": digest} if line["id"] == image.stem else line
    )


def newest(folder: Path, method: str) -> Path:
    """The folder of a method's results on the pairs in `folder` as they are now: other pairs are another split."""
    found = folder.glob(f"results/folder@*/{method}/run.json")
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Name -> content and time of change of every file under `folder` but the lock, which some versions of filelock
    touch."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def table(text: str) -> dict[str, list[str]]:
    """method -> entries of the ranked rows of the one table that `bench run` printed."""
    _, _, body = text.partition("──\n")
    rows = [re.split(r" {2,}", line.strip()) for line in body.splitlines()]
    # Below the rows stand notes, none of which has columns, and perhaps an empty line.
    return {row[0]: row[1:] for row in rows if len(row) > 1}


def typeset(folder: Path, paper: str, bibliography: bool = False) -> str:
    """Compile `<paper>.tex` until its references are settled; returns the log. Skips where there is no TeX."""
    if shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex, as in TeX Live, with booktabs and siunitx")
    tex = ("pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{paper}.tex")
    for command in (tex, ("bibtex", paper), tex, tex) if bibliography else (tex, tex):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, done.stdout[-2000:]
    return (folder / f"{paper}.log").read_text(errors="replace")
