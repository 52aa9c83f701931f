"""Fewer points a line, with every spike in its place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

MOST_POINTS = 1000
"""A line of so many points is as sharp as any screen."""


def thinned(x: Numbers, y: Numbers, most: int = MOST_POINTS) -> tuple[Numbers, Numbers]:
    """At most ``most`` of the points (N,), N > most: the lowest and the highest of each of most/2 stretches.

    A stretch without a finite number keeps its first point, so that the line is broken there.
    """
    if len(x) <= most:
        return x, y
    kept: list[int] = []
    for places in np.array_split(np.arange(len(x)), most // 2):
        finite = places[np.isfinite(y[places])]
        if len(finite):
            kept += sorted({int(finite[np.argmin(y[finite])]), int(finite[np.argmax(y[finite])])})
        else:
            kept.append(int(places[0]))
    return x[kept], y[kept]
