"""Nothing that lies in a folder of results is executed or believed by a detector."""

import os

import numpy as np
import pytest
from harness import draw

from benchmark.datasets.pairs import Box
from benchmark.detection import export, offline


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def exported(tmp_path):
    """(folder, how to write it again)."""
    pictures = []
    for i in range(2):
        draw(tmp_path / "store" / f"{i}.png", i, size=(64, 80))
        pictures.append(export.Picture("test", str(i), tmp_path / "store" / f"{i}.png", (Box("Car", 20, 10, 60, 30),)))
    return export.write(tmp_path / "data" / "m", pictures, ["Car"])[0], lambda: export.write(
        tmp_path / "data" / "m", pictures, ["Car"]
    )[0]


def test_a_cache_of_labels_is_not_unpickled(exported, tmp_path):
    offline.prepare(tmp_path / "ultralytics")
    from ultralytics.data.dataset import YOLODataset

    folder, _ = exported
    cache = folder / "labels" / "test.cache"
    with cache.open("wb") as file:
        np.save(file, np.array(Planted(tmp_path / "executed"), dtype=object), allow_pickle=True)
    described = {"names": {0: "Car"}, "channels": 3}
    found = YOLODataset(img_path=str(folder / "images" / "test"), data=described, imgsz=64, augment=False)
    assert [len(label["bboxes"]) for label in found.labels] == [1, 1]
    assert not (tmp_path / "executed").exists()
    cache.unlink()
    YOLODataset(img_path=str(folder / "images" / "test"), data=described, imgsz=64, augment=False)
    assert not cache.exists()


def _label(folder):
    (folder / "labels" / "test" / "0.txt").write_text("0 0.5 0.5 0.1 0.1\n")


def _array(folder):
    np.save(folder / "images" / "test" / "1.npy", np.zeros((64, 80, 3), np.uint8))


def _image(folder):
    (folder / "images" / "test" / "0.png").unlink()
    draw(folder / "images" / "test" / "0.png", 9, size=(64, 80))


def _another(folder):
    (folder / "images" / "test" / "0.png").unlink()
    (folder / "images" / "test" / "0.png").symlink_to((folder / "images" / "test" / "1.png").resolve())


def _classes(folder):
    (folder / "data.yaml").write_text("{test: images/test, names: {0: Bus}}")


def _gone(folder):
    (folder / "labels" / "test" / "1.txt").unlink()


def _dangling(folder):
    (folder / "images" / "test" / "1.png").unlink()
    (folder / "images" / "test" / "1.png").symlink_to("nowhere")


def _folder_of_links(folder):
    (folder / "labels").rename(folder.parent / "elsewhere")
    (folder / "labels").symlink_to(folder.parent / "elsewhere")


def _bytes(folder):
    (folder / "labels" / "test" / "1.txt").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    "change", [_label, _array, _image, _another, _classes, _gone, _dangling, _folder_of_links, _bytes]
)
def test_a_data_set_that_was_changed_is_told_and_made_anew(exported, change, capsys):
    folder, write = exported
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    change(folder)
    assert write() == folder
    after = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1 and told[0].endswith("it is made anew")


def test_a_data_set_as_it_was_made_is_kept(exported, capsys):
    folder, write = exported
    stamp = (folder / "data.yaml").stat().st_mtime_ns
    assert write() == folder and (folder / "data.yaml").stat().st_mtime_ns == stamp
    assert not capsys.readouterr().err
