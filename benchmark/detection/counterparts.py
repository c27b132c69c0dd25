"""Find what a detector's makers call the classes of a data set.

A detector that is only evaluated knows classes by names of its own, COCO's as a rule. Classes are matched by name,
never by number: the numbers of COCO's classes differ between publications, and a data set has an order of its own.

Source of COCO's names: T.-Y. Lin et al., Microsoft COCO: Common Objects in Context (ECCV 2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# Names of one class, in the singular and in lower case. The first is COCO's.
_SAME = (
    ("person", "people", "pedestrian", "human"),
    ("bicycle", "bike", "cycle"),
    ("car", "automobile"),
    ("motorcycle", "motorbike", "motor", "moto"),
    ("airplane", "aeroplane", "plane"),
    ("bus", "buses"),
    ("truck", "lorry"),
    ("boat", "ship"),
    ("traffic light", "trafficlight"),
    ("stop sign", "stopsign"),
    ("dog",),
    ("cat",),
)
# The classes of COCO's 2017 boxes, in its order.
COCO = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light"),
    *("fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow"),
    *("elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee"),
    *("skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard"),
    *("tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
    *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch"),
    *("potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone"),
    *("microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear"),
    *("hair drier", "toothbrush"),
)
_FIRST = {name: names[0] for names in _SAME for name in names}


def in_coco(classes: Sequence[str]) -> dict[str, str]:
    """Return class of the data set -> what COCO calls it, for those that COCO has."""
    return {name: folded(name) for name in classes if folded(name) in COCO}


def folded(name: str) -> str:
    """Return one spelling for all names of a class: "People", "persons" and "pedestrian" are "person"."""
    plain = " ".join(name.lower().replace("_", " ").replace("-", " ").split())
    for form in (plain, plain.removesuffix("s")):
        if form in _FIRST:
            return _FIRST[form]
    return plain


def counterparts(classes: Sequence[str], known: Mapping[int, str]) -> dict[str, int]:
    """Return class of the data set -> number of the detector's class, for those that have one.

    known: the detector's names by number. A class of the detector stands for one class of the set at most: a name that
    is the same to the letter comes first, then the order of `classes`.
    """
    exact = {name.lower(): number for number, name in known.items()}
    alike: dict[str, int] = {}
    for number, name in known.items():
        alike.setdefault(folded(name), number)
    found = {name: exact[name.lower()] for name in classes if name.lower() in exact}
    for name in classes:
        number = alike.get(folded(name))
        if name not in found and number is not None and number not in found.values():
            found[name] = number
    return {name: found[name] for name in classes if name in found}
