"""The recorded norms with the thresholds of several rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asrtrain.reporting.style import GREY, picture

Numbers = npt.NDArray[np.float64]


def draw_what_if(norms: Numbers, thresholds: Mapping[str, Numbers], path: Path) -> None:
    """Draw the norm of every step before clipping, and the threshold of every rule over the steps."""
    step = np.arange(1, len(norms) + 1)
    with picture(path, 9, 5) as figure:
        axes = figure.subplots()
        axes.plot(step, norms, ".", color=GREY, markersize=3, label="gradient norm")
        for rule, values in thresholds.items():
            if np.isfinite(values).any():
                axes.plot(step, values, label=rule)
        axes.set(title="Gradient norm and thresholds", yscale="log", xlabel="step")
        axes.legend()
