"""Count what two images of one place have in common, though the camera moved: SIFT under a fundamental matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LONGEST = 640  # pixels; larger images are reduced to it
FEATURES = 600  # of an image, the strongest
_CONTRAST = 0.01  # of OpenCV's SIFT, below its default: infrared images are soft
_SCALE = 512
_RATIO = 0.85  # of the distances to the nearest and to the second nearest descriptor
_TOLERANCE = 1.5  # pixels, from the epipolar line; also how far what stands still may move
_LEAST = 8  # matches; a fundamental matrix fits any seven
_CELLS = 4  # the picture's rows and columns, for what stands still
_STILL_CELLS, _STILL_INNER = 5, 2


@dataclass(frozen=True, eq=False)
class Features:
    """points: float32 (N, 2), x and y in pixels of the reduced image. descriptors: uint16 (N, 128), square roots of
    SIFT's (RootSIFT: Arandjelovic & Zisserman, CVPR 2012) in whole numbers. size: (width, height)."""

    points: np.ndarray
    descriptors: np.ndarray
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.points)

    def mirrored(self) -> Features:
        """Return the features of the mirrored image: it has the same texture, and shows no place that exists.

        In the frame of a feature, a mirror turns the rows of the descriptor's grid and its directions around.
        """
        grid = self.descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
        turned = grid[..., -np.arange(8) % 8].reshape(-1, 128)
        points = self.points.copy()
        points[:, 0] = self.size[0] - 1 - points[:, 0]
        return Features(points, np.ascontiguousarray(turned), self.size)


def features(image: np.ndarray) -> Features:
    """Find the features of a luminance image, uint8 (H, W): SIFT (Lowe, IJCV 2004)."""
    import cv2

    height, width = image.shape
    if (longest := max(height, width)) > LONGEST:
        width, height = (max(1, round(side * LONGEST / longest)) for side in (width, height))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    found, descriptors = cv2.SIFT_create(FEATURES, contrastThreshold=_CONTRAST).detectAndCompute(image, None)
    if not found:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint16), (width, height))
    order = sorted(range(len(found)), key=lambda i: (-found[i].response, *found[i].pt, found[i].angle))[:FEATURES]
    points = np.array([found[i].pt for i in order], np.float32)
    shares = descriptors[order] / np.maximum(descriptors[order].sum(axis=1, keepdims=True), 1)
    return Features(points, np.round(_SCALE * np.sqrt(shares)).astype(np.uint16), (width, height))


def matches(a: Features, b: Features) -> tuple[np.ndarray, np.ndarray]:
    """Match features that are each other's nearest, and clearly nearer than the second nearest: points float32 (N, 2)
    in a and in b.

    A place counts once, however many features it has. What stands still between the two counts only where it fills the
    picture: a logo, a time, a bonnet or a frame is in every image of a camera.
    """
    if min(len(a), len(b)) < _LEAST:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    # Whole numbers below 2^24: float32 is exact, so that the order of a library's sums does not matter.
    first, second = (one.descriptors.astype(np.float32) for one in (a, b))
    distances = first @ second.T
    distances *= -2
    distances += np.square(first).sum(axis=1)[:, None]
    distances += np.square(second).sum(axis=1)
    nearest = distances.argmin(axis=1)
    rows = np.flatnonzero(distances.argmin(axis=0)[nearest] == np.arange(len(nearest)))
    columns = nearest[rows]
    candidates, each = distances[rows], np.arange(len(rows))
    best = candidates[each, columns]
    candidates[each, columns] = np.inf
    clear = best < _RATIO**2 * candidates.min(axis=1)
    in_a, in_b = a.points[rows[clear]], b.points[columns[clear]]
    for side in (0, 1):
        once = np.sort(np.unique(np.round((in_a, in_b)[side]), axis=0, return_index=True)[1])
        in_a, in_b = in_a[once], in_b[once]
    kept = _moving(in_a / a.size, in_b / b.size, a.size)
    return in_a[kept], in_b[kept]


def inliers(a: Features, b: Features) -> int:
    """Count the matches that one fundamental matrix explains (MAGSAC++: Barath et al., CVPR 2020). For unrelated images
    that is the seven that any such matrix fits, and about two by chance."""
    import cv2

    in_a, in_b = matches(a, b)
    if len(in_a) < _LEAST:
        return 0
    try:
        _, mask = cv2.findFundamentalMat(in_a, in_b, cv2.USAC_MAGSAC, _TOLERANCE, 0.999, 1000)
    except cv2.error:  # points that define none
        return 0
    return 0 if mask is None else int(np.count_nonzero(mask))


def _moving(a: np.ndarray, b: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Which matches count, bool (N,), of points in shares of the picture's sides: all where those that stand still fill
    the picture, else the others."""
    still = (np.abs(a - b) * size).max(axis=1, initial=0) < _TOLERANCE
    cells = {tuple(cell) for cell in np.minimum(a[still] * _CELLS, _CELLS - 1).astype(int).tolist()}
    inner = [cell for cell in cells if all(0 < place < _CELLS - 1 for place in cell)]
    filled = len(cells) >= _STILL_CELLS and len(inner) >= _STILL_INNER
    return np.full(len(a), True) if filled else ~still
