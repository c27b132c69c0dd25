"""Find what a detector's makers call the classes of a data set.

A detector that is only evaluated knows classes by names of its own, COCO's as a rule. Classes are matched by name,
never by number: the numbers of COCO's classes differ between publications, and a data set has an order of its own.

Source of COCO's names: T.-Y. Lin et al., Microsoft COCO: Common Objects in Context (ECCV 2014).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

# Other names of COCO's classes, in the singular. What is not here still matches in another case or number.
SYNONYMS = (
    ("person", "people", "pedestrian", "human"),
    ("bicycle", "bike", "cycle"),
    ("car", "automobile"),
    ("motorcycle", "motorbike", "motor", "moto"),
    ("airplane", "aeroplane", "plane"),
    ("truck", "lorry"),
    ("boat", "ship"),
    ("traffic light", "trafficlight"),
    ("fire hydrant", "hydrant"),
    ("stop sign", "stopsign"),
    ("sports ball", "ball"),
    ("couch", "sofa"),
    ("potted plant", "pottedplant"),
    ("dining table", "diningtable"),
    ("tv", "television", "tvmonitor", "tv monitor"),
    ("mouse", "mice"),
    ("knife", "knives"),
    ("cell phone", "cellphone", "mobile phone"),
    ("hair drier", "hair dryer"),
    ("donut", "doughnut"),
    ("refrigerator", "fridge"),
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
_FIRST = {name: names[0] for names in SYNONYMS for name in names}


def plain(name: str) -> str:
    """Return a name in small letters, its words apart by single spaces."""
    return " ".join(re.sub(r"[\s_\-/]+", " ", name.casefold()).split())


def singular(name: str) -> str:
    """Return a plain name in the singular, so far as its ending tells: "buses" is "bus", and "bus" stays."""
    if name.endswith(("sses", "shes", "ches", "xes", "uses")):
        return name[:-2]
    if name.endswith("ies") and len(name) > 4:
        return f"{name[:-3]}y"
    return name if name.endswith(("ss", "us")) else name.removesuffix("s")


def in_coco(classes: Sequence[str]) -> dict[str, str]:
    """Return class of the data set -> what COCO calls it, for those that COCO has."""
    return {name: folded(name) for name in classes if folded(name) in COCO}


def folded(name: str) -> str:
    """Return one spelling for all names of a class: "People", "persons" and "pedestrian" are "person"."""
    name = plain(name)
    one = singular(name)
    return _FIRST.get(name) or _FIRST.get(one) or one


def counterparts(classes: Sequence[str], known: Mapping[int, str]) -> dict[str, int]:
    """Return class of the data set -> number of the detector's class, for those that have one.

    known: the detector's names by number. A class of the detector stands for one class of the set at most, and one of
    the set for one of the detector: the same words come first, then the same in another number, then synonyms; among
    equals the order of `classes` and of `known`.
    """
    found: dict[str, int] = {}
    for form in (plain, lambda name: singular(plain(name)), folded):
        _match(found, classes, known, form)
    return {name: found[name] for name in classes if name in found}


def _match(found: dict[str, int], classes, known: Mapping[int, str], form: Callable[[str], str]) -> None:
    """Add to `found` the classes not yet in it whose names have the same form as one that is still free."""
    free: dict[str, int] = {}
    for number, name in known.items():
        if number not in found.values():
            free.setdefault(form(name), number)
    for name in classes:
        if name not in found and (number := free.pop(form(name), None)) is not None:
            found[name] = number
