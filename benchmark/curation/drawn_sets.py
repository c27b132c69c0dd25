"""Writing drawn scenes to disk, in the layout of M3FD's detection set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path

from benchmark.curation import balancing
from benchmark.datasets import labels, scenes
from benchmark.errors import UserError
from benchmark.imaging import saving
from benchmark.run import spawning


def write(
    out: Path,
    pairs: int,
    size: tuple[int, int] = (640, 480),
    seed: int = 0,
    processes: int = 1,
    step: Callable[[int], None] = lambda frames: None,
) -> dict[str, list[str]]:
    """Draw `pairs` pairs into ``out/{Ir,Vis,Annotation}``. Write into ``out/splits`` the division by scenes, a random
    one, and the scene of each pair. Returns the division by scenes.

    step: called after each scene with the number of its pairs. Raises UserError where `out` holds anything already.
    """
    from benchmark.datasets.synth.reel import reel

    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: is not empty; give a new folder")
    shots = reel(pairs, seed)
    counts = []
    with _pool(processes) as pool:
        # Whole scenes go to one process: what stands still is drawn once.
        for shot, counted in zip(shots, pool.map(_write_scene, [out] * len(shots), shots, [size] * len(shots))):
            counts.append(counted)
            step(shot.frames)
    groups = [shot.ids for shot in shots]
    division = scenes.lists(groups, scenes.divide(balancing.scene_weights(groups, counts)))
    write_scenes(out / "splits", shots)
    ids = [id for group in groups for id in group]
    for name, parts in (("scene", division), ("random811-seed0", scenes.at_random(ids))):
        balancing.write_lists(out / "splits", name, parts)
    return division


def write_scenes(folder: Path, shots: Sequence) -> None:
    """Write a file of lines "id,scene,time of day", for use where scenes must stay together."""
    from benchmark.datasets.synth_det import TIMES

    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{id},{shot.scene},{TIMES[shot.condition]}\n" for shot in shots for id in shot.ids]
    (folder / "scenes.csv").write_text("# id,scene,time of day\n" + "".join(lines), encoding="utf-8")


def _write_scene(out: Path, shot, size: tuple[int, int]) -> Counter:
    """Write the frames of a scene; returns how many objects of each class they show."""
    from benchmark.datasets.synth import Burst
    from benchmark.datasets.synth_det import labelled

    burst, found = Burst(shot.seed, *size, shot.condition, sway=shot.sway), Counter()
    for number, id in enumerate(shot.ids):
        scene = burst.frame(number)
        boxes = labelled(scene)
        saving.save_luminance(out / "Ir" / f"{id}.png", scene.ir)
        saving.save_rgb(out / "Vis" / f"{id}.png", scene.vis_rgb)
        (out / "Annotation").mkdir(exist_ok=True)
        labels.write_voc(out / "Annotation" / f"{id}.xml", f"{id}.png", size, boxes)
        found.update(box.label for box in boxes)
    return found


class _Here(Executor):
    """An executor that works in this process, one job at a time."""

    def map(self, function, *arguments, **_):
        return map(function, *arguments)


def _pool(processes: int) -> Executor:
    return _Here() if processes == 1 else spawning.pool(processes)
