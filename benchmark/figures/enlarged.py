"""Find what a reader wants to see enlarged: objects, and structure that methods render differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmark.datasets.pairs import Box
from benchmark.errors import UserError

SHARE = 0.2  # width of a crop that is found, as a share of the image's
SMALLEST = 8  # pixels, of a side of such a crop
LARGEST = 0.35  # share of a side that an object may take; a crop grows to hold it
WORKING = 320  # pixels of the longer side at which crops are looked for
NEIGHBOURS = 20  # objects that a crop is held to show or to leave out whole
MOST = 6  # objects that a crop is tried around, alone and two together
MARGIN = 0.03  # share of a side at the border that a crop keeps out of


@dataclass(frozen=True)
class Crop:
    """A rectangle of an image, in pixels from the upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Crop:
        """Read "x,y,w,h". Raises UserError for anything else."""
        try:
            x, y, width, height = (int(part) for part in text.split(","))
        except ValueError:
            raise UserError(
                f"--crop {text}: expected auto, none, or x,y,w,h in pixels, for example 120,80,64,48;"
                " or ID= and one of these"
            ) from None
        if min(x, y) < 0 or min(width, height) < 4:
            raise UserError(f"--crop {text}: x and y must not be negative, w and h be at least 4")
        return cls(x, y, width, height)

    def of(self, image: np.ndarray) -> np.ndarray:
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def check(self, shape: tuple[int, ...], id: str) -> None:
        """Raise UserError where the crop leaves an image of that shape."""
        height, width = shape[:2]
        if self.x + self.width > width or self.y + self.height > height:
            raise UserError(
                f"--crop {self.x},{self.y},{self.width},{self.height}: the crop leaves the image '{id}', which is"
                f" {width}x{height}"
            )

    def overlap(self, other: Crop) -> int:
        """Return the pixels that both hold."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0, across) * max(0, down)


@dataclass(frozen=True, eq=False)
class Scene:
    """A pair of images and what methods made of it.

    ir, vis: uint8 (H, W). fused: uint8 (H, W) each, may be none. boxes: labelled objects, may be none.
    """

    ir: np.ndarray
    vis: np.ndarray
    fused: Sequence[np.ndarray] = ()
    boxes: Sequence[Box] = ()

    def find(self, count: int) -> list[Crop]:
        """Return up to `count` crops that do not overlap.

        The first holds an object where there is one: a labelled one, else a hot spot. The others show structure on
        which methods disagree, or any structure where they agree. A small image has room for fewer.
        """
        found: list[Crop] = []
        for _ in range(count):
            crop = self._object() if not found else None
            crop = crop or self._structure(found)
            if crop is None:
                break
            found.append(crop)
        return found

    def corner(self, width: int, height: int, taken: Sequence[Crop]) -> Crop:
        """Return the place of an inset of that size in the corner where it hides least and touches none of `taken`."""
        rows, columns = self.ir.shape
        places = [Crop(x, y, width, height) for y in (rows - height, 0) for x in (columns - width, 0)]
        return min(places, key=lambda place: (sum(map(place.overlap, taken)), self._hidden(place)))

    def _hidden(self, place: Crop) -> float:
        return float(place.of(self._worth).sum())

    @cached_property
    def _worth(self) -> np.ndarray:
        """Say of each pixel (H, W) what it is worth to be seen."""
        import cv2

        worth = self.structure.copy()
        for box, value in self._objects:
            worth[box.y0 : box.y1, box.x0 : box.x1] += value
        return cv2.resize(worth, self.ir.shape[::-1])

    @cached_property
    def _scale(self) -> float:
        return min(1.0, WORKING / max(self.ir.shape))

    def _small(self, picture: np.ndarray) -> np.ndarray:
        import cv2

        height, width = (max(1, round(side * self._scale)) for side in picture.shape)
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)

    @cached_property
    def structure(self) -> np.ndarray:
        """Say where there is structure that methods render differently, float32 in [0, 1], at the working size.

        Edges count, by the coherence of their structure tensor: grass, leaves and noise have no direction. They are
        weighted by how far the fused images lie apart there, without their local means.
        """
        import cv2

        sources = [self._small(picture) for picture in (self.ir, self.vis)]
        fine = max(1.0, max(sources[0].shape) / 160)
        edges = np.maximum(*(_coherent(picture, fine) for picture in sources))
        # Trees and roofs before the sky have the strongest edges.
        edges *= np.clip(np.linspace(0.5, 1.75, len(edges), dtype=np.float32), 0, 1)[:, None]
        if len(self.fused) < 2:
            return _unit(edges)
        compared = np.stack([_detail(self._small(picture), 4 * fine) for picture in self.fused])
        apart = np.abs(compared - np.median(compared, axis=0)).mean(axis=0)
        apart = cv2.GaussianBlur(apart, (0, 0), fine)
        if apart.max() < 0.5:  # grey levels: what rounding leaves
            return _unit(edges)
        return _unit(np.sqrt(_unit(edges) * _unit(apart)))

    @cached_property
    def _objects(self) -> list[tuple[Box, float]]:
        """Return the objects at the working size, each with what it is worth, up to 1."""
        ir = self._small(self.ir)
        height, width = ir.shape
        scaled = [Box(b.label, *(round(v * self._scale) for v in (b.x0, b.y0, b.x1, b.y1))) for b in self.boxes]
        labelled = [
            (box, (1 + _contrast(ir, box)) * _area(box) ** 0.5) for box in scaled if box.x1 > box.x0 and box.y1 > box.y0
        ]
        for found in (labelled, _hot(ir)):
            found = [
                (box, worth)
                for box, worth in found
                if box.x1 - box.x0 <= LARGEST * width and box.y1 - box.y0 <= LARGEST * height
            ]
            if found:
                break
        vis, apart = self._small(self.vis), self.structure
        found = [
            (box, worth * _alone(ir, vis, box) * (0.5 + float(apart[box.y0 : box.y1, box.x0 : box.x1].mean())))
            for box, worth in found
        ]
        most = max((worth for _, worth in found), default=0)
        return sorted(((box, worth / most) for box, worth in found), key=lambda one: -one[1]) if most > 0 else []

    def _size(self) -> tuple[int, int]:
        """Return width and height of a crop at the working size, of about the image's shape."""
        rows, columns = self.structure.shape
        smallest = SMALLEST * self._scale
        width = min(columns, max(smallest, SHARE * columns))
        height = min(rows, max(smallest, width * min(max(rows / columns, 2 / 3), 4 / 3)))
        return round(width), round(height)

    def _object(self) -> Crop | None:
        """Return a crop with the objects that are worth most together, and structure beside them; it cuts none."""
        if not self._objects:
            return None
        objects = [box for box, _ in self._objects[:MOST]]
        rows, columns = self.structure.shape
        wholes = dict.fromkeys(_union(one, other) for one in objects for other in objects)
        wholes = [b for b in wholes if b.x1 - b.x0 <= LARGEST * columns and b.y1 - b.y0 <= LARGEST * rows]
        return max(map(self._around, wholes), key=lambda found: found[1])[0]

    def _around(self, whole: Box) -> tuple[Crop, float]:
        """Return the best crop that holds a box at the working size, with its score."""
        rows, columns = self.structure.shape
        width, height = self._size()
        usual = width * height
        width = min(columns, max(width, round(1.3 * (whole.x1 - whole.x0))))
        height = min(rows, max(height, round(1.3 * (whole.y1 - whole.y0))))
        x, y = self._places(width, height)
        score = 0.3 * self._means(width, height)[y, x] - self._at_border(x, y, width, height)
        score -= 0.4 * (width * height / usual - 1)
        outside = (x > whole.x0) | (y > whole.y0) | (x + width < whole.x1) | (y + height < whole.y1)
        score = np.where(outside, -np.inf, score)
        for box, worth in self._objects[:NEIGHBOURS]:
            share = _share(box, x, y, width, height)
            off = np.hypot((x + (width - box.x0 - box.x1) / 2) / width, (y + (height - box.y0 - box.y1) / 2) / height)
            score += worth * np.where(share >= 1, 1 - off, -np.minimum(share, 0.5))
        return self._crop(x, y, width, height, score), float(score.max())

    def _structure(self, taken: Sequence[Crop]) -> Crop | None:
        """Return the crop with most structure that is clear of `taken`; None where there is no room."""
        width, height = self._size()
        x, y = self._places(width, height)
        score = self._means(width, height)[y, x] - self._at_border(x, y, width, height)
        for crop in taken:
            left, top, right, bottom = (
                round(v * self._scale) for v in (crop.x, crop.y, crop.x + crop.width, crop.y + crop.height)
            )
            clear = (x >= right + 2) | (x + width + 2 <= left) | (y >= bottom + 2) | (y + height + 2 <= top)
            score = np.where(clear, score, -np.inf)
        for box, worth in self._objects[:NEIGHBOURS]:
            share = _share(box, x, y, width, height)
            score -= worth * np.where(share < 1, np.minimum(share, 0.5), 0)
        return self._crop(x, y, width, height, score)

    def _places(self, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the x and y of windows of that size, flat: all of a small image, else every other one."""
        rows, columns = self.structure.shape
        step = 1 if max(rows, columns) < WORKING / 2 else 2
        y, x = np.mgrid[: rows - height + 1 : step, : columns - width + 1 : step]
        return x.ravel(), y.ravel()

    def _means(self, width: int, height: int) -> np.ndarray:
        """Return the mean structure of every window, the largest is 1."""
        import cv2

        sums = cv2.integral(self.structure)
        totals = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
        return _unit(totals)

    def _at_border(self, x: np.ndarray, y: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return what a window loses by reaching into the margin."""
        rows, columns = self.structure.shape
        across, down = MARGIN * columns, MARGIN * rows
        inside = (x >= across) & (y >= down) & (x + width <= columns - across) & (y + height <= rows - down)
        return np.where(inside, 0, 0.25)

    def _crop(self, x: np.ndarray, y: np.ndarray, width: int, height: int, score: np.ndarray) -> Crop | None:
        """Return the window with the best score in pixels of the image; of equal ones that nearest the centre."""
        best = score.max()
        if not np.isfinite(best):
            return None
        rows, columns = self.structure.shape
        off = np.hypot(x + (width - columns) / 2, y + (height - rows) / 2)
        place = min(np.flatnonzero(score >= best - 1e-6), key=lambda i: (off[i], i))
        full_rows, full_columns = self.ir.shape
        width, height = (min(round(v / self._scale), most) for v, most in ((width, full_columns), (height, full_rows)))
        left = min(round(x[place] / self._scale), full_columns - width)
        top = min(round(y[place] / self._scale), full_rows - height)
        return Crop(int(left), int(top), int(width), int(height))


def _unit(values: np.ndarray) -> np.ndarray:
    """Divide by the largest, if there is any."""
    most = values.max()
    return values / most if most > 0 else values


def _detail(picture: np.ndarray, sigma: float) -> np.ndarray:
    import cv2

    return picture - cv2.GaussianBlur(picture, (0, 0), sigma)


def _coherent(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Return the strength of edges that have one direction over a neighbourhood of `sigma` pixels.

    The difference of the roots of the structure tensor's eigenvalues: large for an edge, small for texture. Strong
    edges count no more than ten times the usual one.
    """
    import cv2

    picture = cv2.GaussianBlur(picture, (0, 0), 0.8)
    dx, dy = cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 2 * sigma) for product in (dx * dx, dy * dy, dx * dy))
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    strength = np.sqrt(np.maximum(middle + half, 0)) - np.sqrt(np.maximum(middle - half, 0))
    return np.minimum(strength, 10 * strength.mean())


def _area(box: Box) -> int:
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def _share(box: Box, x: np.ndarray, y: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the share of a box that lies in each window."""
    across = np.minimum(x + width, box.x1) - np.maximum(x, box.x0)
    down = np.minimum(y + height, box.y1) - np.maximum(y, box.y0)
    return np.maximum(across, 0) * np.maximum(down, 0) / _area(box)


def _union(one: Box, other: Box) -> Box:
    return Box(
        one.label, min(one.x0, other.x0), min(one.y0, other.y0), max(one.x1, other.x1), max(one.y1, other.y1)
    )  # fmt: skip


def _alone(ir: np.ndarray, vis: np.ndarray, box: Box) -> float:
    """Return the infrared image's share of the contrast that an object has in both: what one image alone shows is what
    fusion is for."""
    heat, light = 1 + _contrast(ir, box), 1 + _contrast(vis, box)
    return heat / (heat + light)


def _contrast(picture: np.ndarray, box: Box) -> float:
    """Return how far an object's mean differs from that of what surrounds it, in grey levels."""
    height, width = box.y1 - box.y0, box.x1 - box.x0
    around = picture[
        max(0, box.y0 - height // 2) : box.y1 + height // 2 + 1, max(0, box.x0 - width // 2) : box.x1 + width // 2 + 1
    ]
    inside = picture[box.y0 : box.y1, box.x0 : box.x1]
    ring = (around.sum() - inside.sum()) / max(1, around.size - inside.size)
    return abs(float(inside.mean() - ring))


def _hot(ir: np.ndarray) -> list[tuple[Box, float]]:
    """Return bright spots of an infrared image with what they are worth: contrast times the root of the area.

    The white top-hat takes away what is wider than a person is; what stands out of the rest is a spot. Lines, frames,
    ragged leaves, what the border cuts and what stands out no more than the rest does are none. Upright ones count
    more, as people are, and what hangs above less.
    """
    import cv2

    ir = cv2.GaussianBlur(ir, (0, 0), 0.8)
    found = {}
    for share in (0.15, 0.3):
        found |= _spots(ir, max(3, round(share * min(ir.shape)) | 1))
    return list(found.items())


def _spots(ir: np.ndarray, side: int) -> dict[Box, float]:
    """Return the spots of `_hot` that are narrower than `side` pixels."""
    import cv2

    rows, columns = ir.shape
    hat = cv2.morphologyEx(ir, cv2.MORPH_TOPHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    least = max(8.0, float(hat.mean() + 2 * hat.std()), 0.4 * float(np.quantile(hat, 0.999)))
    # Belts and jackets part a person.
    mask = cv2.morphologyEx((hat > least).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((max(1, round(0.02 * rows)), 1)))
    found = {}
    for outline in cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
        x, y, width, height = cv2.boundingRect(outline)
        spot = np.zeros((height, width), np.uint8)
        cv2.drawContours(spot, [outline], -1, 1, -1, offset=(-x, -y))
        area, hull = int(spot.sum()), cv2.contourArea(cv2.convexHull(outline)) + (width + height) / 2
        cut = x <= 1 or y <= 1 or x + width >= columns - 1 or y + height >= rows - 1
        if cut or area < max(4, 4e-4 * ir.size) or not 1 / 4 <= width / height <= 2.2 or area < 0.55 * hull:
            continue
        box = Box("hot", x, y, x + width, y + height)
        if _contrast(ir, box) < 1.25 * ir.std():
            continue
        contrast = float(hat[y : y + height, x : x + width][spot > 0].mean())
        likely = (1.6 if height / width >= 1.2 else 1.0) * (0.5 if y + height / 2 < rows / 4 else 1.0)
        found[box] = contrast * area**0.5 * (area / hull) ** 2 * likely
    return found
