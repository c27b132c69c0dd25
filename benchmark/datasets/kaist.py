"""KAIST: pedestrians from a driving car, by day and by night, picked by the set's own lists."""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmark import textfiles
from benchmark.datasets.abstract import DatasetCard, Selection
from benchmark.datasets.id_lists import pick
from benchmark.datasets.pairs import Pair
from benchmark.datasets.two_folders import FolderDataset, Layout, subfolder
from benchmark.errors import UserError
from benchmark.imaging.reading import EXTENSIONS

_SPLITS = {
    "test-all-20": "every 20th frame of sets 06 to 11 (2252): what detection papers test on",
    "test-day-20": "the frames of test-all-20 taken by day (1455)",
    "test-night-20": "the frames of test-all-20 taken at night (797)",
    "train-all-02": "every 2nd frame of sets 00 to 05",
    "train-all-04": "every 4th frame of sets 00 to 05",
    "train-all-20": "every 20th frame of sets 00 to 05",
}
_FRAME = re.compile(r"(set\d\d)[/_](V\d\d\d)[/_](?:(?:lwir|visible)[/_])?(I\d{5})")


class Kaist(FolderDataset):
    """Frames lie in ``set00/V000/{lwir,visible}/I00000.jpg``; a list names them ``set00/V000/I00000``, and their ids
    here are ``set00_V000_I00000``."""

    card = DatasetCard(
        name="kaist",
        title="KAIST multispectral pedestrian benchmark",
        short="KAIST",
        year=2015,
        citation="S. Hwang, J. Park, N. Kim, Y. Choi, I. S. Kweon: Multispectral pedestrian detection: Benchmark"
        " dataset and baseline. CVPR 2015.",
        licence="none stated in its repository; see its site",
        link="https://github.com/SoonminHwang/rgbt-ped-detection",
        size="640x512 (640x480 in a later release), infrared grey, visible RGB",
        counts={"test-all-20": 2252, "test-day-20": 1455, "test-night-20": 797}
        | {name: None for name in _SPLITS if name.startswith("train")},
        layout="KAIST/[images/]set00…set11/V000/{lwir,visible}/I00000.jpg and KAIST/{imageSets,splits}/test-all-20.txt",
        use="research, with the paper cited",
        labels="boxes of people in several versions of differing quality: give one by bench detect --labels",
        by_hand=(
            "https://github.com/SoonminHwang/rgbt-ped-detection lists the downloads (36 GB of video, or the frames"
            " of train20 and test20).",
            "Its lists of frames (test-all-20.txt, …) come with the toolbox, in data/scripts/imageSets.",
            "Put both under DATA/KAIST as in the layout.",
        ),
        notes=("95,328 frames, 12 sets; neighbouring frames are nearly the same picture.",),
    )
    default_split = "test-all-20"
    # As KAIST's evaluation has it: people in groups, on bicycles, and those of whom it is not sure.
    regions = ("people", "person?", "person?a", "cyclist", "__ignore__")
    parts = ("test-all-20",)
    folders = ("KAIST", "kaist-rgbt", "kaist")

    def layouts(self, split: str) -> tuple[Layout, ...]:
        return ()

    def splits(self) -> dict[str, str]:
        return dict(_SPLITS)

    def scene_of(self, id: str) -> str | None:
        return id.rpartition("_")[0]  # the video

    def spellings(self, id: str) -> tuple[str, ...]:
        video, _, frame = id.rpartition("_")
        return tuple(f"{video}_{camera}_{frame}" for camera in ("lwir", "visible"))

    def id_of(self, name: str) -> str:
        frame = _FRAME.search(name.replace("\\", "/"))
        return super().id_of(name) if frame is None else "_".join(frame.groups())

    def time_of_day(self, pair: Pair) -> str | None:
        number = pair.id[3:5]
        return ("day" if int(number) % 6 < 3 else "night") if number.isdecimal() else None

    def select(self, split: str | None = None, root: str | os.PathLike | None = None) -> Selection:
        split = self.check_split(split)
        root = self.root(root)
        for base in self.bases(root):
            found = [base / folder / f"{split}.txt" for folder in ("imageSets", "splits", "ImageSets", ".")]
            listing = next((path for path in found if path.is_file()), None)
            frames = [base / folder for folder in ("images", ".") if any((base / folder).glob("set[0-9][0-9]"))]
            if listing is not None and frames:
                break
        else:
            raise UserError(f"data set {self.name}: no {split}.txt with folders set00, … in {root}; {self._remedy()}")
        lines = dict.fromkeys(line for _, line in textfiles.lines(textfiles.read(listing)))
        listed = [self._pair(line, frames[0], listing) for line in lines]
        where = f"{frames[0].resolve()}, list {listing}"
        return self.selection(split, pick(listed, [pair.id for pair in listed], where), where, total=len(listed))

    def _pair(self, line: str, frames: Path, listing: Path) -> Pair:
        match = _FRAME.search(line.replace("\\", "/"))
        if match is None:
            raise UserError(f"{listing}: '{line[:60]}' names no frame; expected set00/V000/I00000")
        video = frames / match[1] / match[2]
        sides, problem = [], None
        for name in ("lwir", "visible"):
            folder = subfolder(video, name)
            files = [] if folder is None else [folder / f"{match[3]}{suffix}" for suffix in EXTENSIONS]
            path = next((file for file in files if file.is_file()), None)
            sides.append(path)
            if path is None:
                problem = problem or f"listed in {listing.name} but there is no {video / name / match[3]}.jpg"
        return Pair("_".join(match.groups()), *sides, problem)


DATASET = Kaist()
