from __future__ import annotations

import numpy as np

from ..declaring import metric
from ..images import Field, Undefined, needs_side, once


@once
def haar(x: Field) -> tuple[tuple[np.ndarray, ...], Field]:
    """Orthonormal Haar step: the three detail bands and the approximation; an odd last row or column is left
    out.
    """
    v = x.values[: x.shape[0] // 2 * 2, : x.shape[1] // 2 * 2]
    p, q, r, s = v[::2, ::2], v[::2, 1::2], v[1::2, ::2], v[1::2, 1::2]
    return ((p + q - r - s) / 2, (p - q + r - s) / 2, (p - q - r + s) / 2), Field((p + q + r + s) / 2)


@metric(
    "Qm",
    title="Multi-scale edge preservation",
    year=2008,
    family="gradient",
    direction=+1,
    range="0 .. 3",
    unit="1",
    source="Wang & Liu, Int. Conf. Signal Process. (2008), as in Liu et al., IEEE TPAMI 34, 94 (2012)",
    protocols={"standard": "three bands summed", "liu2012": "three bands summed"},
)
def Qm(f, a, b):
    """Qm = Q_1^(2/3) Q_2^(1/3) over two levels of the Haar transform.

    Q_l = sum(E_A W_A + E_B W_B) / sum(W_A + W_B), E_S = sum over the three detail bands of exp(-|D_S - D_F|),
    W_S = sum of D_S^2. The bands are summed, not averaged, so that a perfect fusion has 3. Undefined below
    4x4 pixels or where no source has detail.
    """
    needs_side(f, 4, "for two levels")
    value = 1.0
    for level, power in enumerate((2 / 3, 1 / 3)):
        (details, f), *sources = haar(f), haar(a), haar(b)
        top = bottom = 0.0
        for bands, _ in sources:
            weight = sum(d * d for d in bands)
            kept = sum(np.exp(-np.abs(d - e)) for d, e in zip(bands, details))
            top += float((kept * weight).sum())
            bottom += float(weight.sum())
        if bottom == 0:
            raise Undefined(f"no source has detail at level {level + 1}")
        value *= (top / bottom) ** power
        a, b = (approximation for _, approximation in sources)
    return value
