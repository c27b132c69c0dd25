"""Make the list of a set's scenes: ``python -m studies.scene_lists tno --data-root DATA >
benchmark/datasets/splits/tno_scenes.txt``, and the hash for ``sha256.txt`` on stderr.

Pairs that show one place by local features are one scene, directly or through others."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmark import datasets
from benchmark.curation import same_place
from benchmark.datasets.id_lists import ids_sha256
from benchmark.progress import Progress
from benchmark.store import provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--jobs", type=int, default=provenance.processors())
    options = parser.parse_args()
    source, progress = datasets.get(options.dataset), Progress()
    pairs = [*source.at_hand(options.data_root).values()]
    with progress.bar("finding features", len(pairs), "pair") as step:
        album = same_place.read(pairs, options.jobs, step)
    with progress.bar("comparing", same_place.steps(len(album.sides)), "couple") as step:
        places = same_place.compare(album.sides, jobs=options.jobs, step=step)
    scenes = [" ".join(scene) for scene in places.scenes(sorted(album.sides))]
    print(
        f"# {source.card.title}: the scenes of its {len(album.sides)} pairs, one to a line, by local features"
        f" (studies/scene_lists.py): {len(places.found)} of {places.compared} couples have at least"
        f" {places.threshold} inliers more than unrelated ones, and none of {places.unrelated} mirrored couples."
    )
    print("\n".join(scenes))
    print(f"{ids_sha256(scenes)}  {source.name}_scenes", file=sys.stderr)


if __name__ == "__main__":
    main()
