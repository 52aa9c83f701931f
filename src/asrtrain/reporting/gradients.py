"""What the gradients did, and what clipping did to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asrtrain.reporting.measurements import Row, column
from asrtrain.reporting.style import BLUE, GREY, INK, ORANGE, picture


def draw_gradients(steps: Sequence[Row], path: Path) -> None:
    """Draw the gradient's norm before and after clipping with the threshold, and the share of steps clipped."""
    step, before, after = column(steps, "step"), column(steps, "norm_before"), column(steps, "norm_after")
    threshold, clipped = column(steps, "threshold"), column(steps, "clipped")
    with picture(path, 9, 6) as figure:
        norms, share = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        norms.plot(step, before, ".", color=ORANGE, markersize=3, label="before clipping")
        norms.plot(step, after, ".", color=BLUE, markersize=3, label="after clipping")
        if np.isfinite(threshold).any():
            norms.plot(step, threshold, color=INK, label="threshold")
        skipped = ~np.isfinite(before)
        norms.plot(step[skipped], np.ones(skipped.sum()), "x", color="crimson", transform=norms.get_xaxis_transform())
        norms.set(title="Gradient norm", yscale="log")
        norms.legend(loc="lower left", ncols=3)
        share.fill_between(step, 100 * running_share(clipped), color=GREY, step="mid")
        share.set(
            title="Steps clipped (%), running over a twentieth of the run", xlabel="optimiser step", ylim=(0, 100)
        )


def running_share(clipped: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The share of clipped steps among the last twentieth of the run."""
    width = max(1, len(clipped) // 20)
    seen = np.minimum(np.arange(1, len(clipped) + 1), width)
    return np.convolve(np.nan_to_num(clipped), np.ones(width))[: len(clipped)] / seen
