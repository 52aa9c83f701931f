"""The norms of a trial, and where proposed thresholds would cut them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asrtrain.reporting.style import BLUE, GREY, ORANGE, picture


def draw_calibration(
    norms: npt.NDArray[np.float64], thresholds: Mapping[float, float], utterances: Sequence[float], path: Path
) -> None:
    """Draw the norm of every step with the thresholds (threshold to the share it clips), and that of utterances."""
    finite = norms[np.isfinite(norms)]
    with picture(path, 9, 7) as figure:
        over_time, spread, alone = figure.subplots(3, 1, height_ratios=[2, 1, 1])
        over_time.plot(np.arange(1, len(norms) + 1), norms, ".", color=BLUE, markersize=3)
        over_time.set(title="Gradient norm of every step", yscale="log", xlabel="step")
        bins = np.geomspace(finite[finite > 0].min(), finite.max() * 1.001, 40)
        spread.hist(finite, bins=bins, color=BLUE)
        for threshold, share in thresholds.items():
            over_time.axhline(threshold, color=ORANGE, linewidth=1)
            spread.axvline(threshold, color=ORANGE, linewidth=1)
            label = f"{threshold:g} clips {100 * share:.0f} %"
            over_time.annotate(label, (len(norms), threshold), ha="right", va="bottom", color=ORANGE)
        spread.set(title="How often", xscale="log", xlabel="gradient norm")
        alone.hist(utterances, bins=40, color=GREY)
        alone.set(title="Utterances of one batch, each alone, at the end", xlabel="gradient norm")
