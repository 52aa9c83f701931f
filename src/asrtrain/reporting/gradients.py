"""What the gradients did, and what clipping did to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asrtrain.reporting.measurements import Row, column
from asrtrain.reporting.style import BLUE, GREY, INK, ORANGE, picture
from asrtrain.training.parameter_words import in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NAMED = 7
"""With more parameters than this in the picture, the areas and their names could not be told apart."""

_MOMENTS = 80
"""At most so many across the picture; what lies between is averaged."""
_COLOURS = ("#66c2a5", "#fc8d62", "#8da0cb", "#e78ac3", "#a6d854", "#ffd92f", "#e5c494")  # ColorBrewer's Set2


def draw_gradients(steps: Sequence[Row], parameters: Sequence[str], path: Path) -> None:
    """Draw the norm before and after clipping with the threshold, the share of steps clipped, and who has the norm.

    ``parameters`` are the names that the rows' ``shares`` belong to.
    """
    with picture(path, 9, 9) as figure:
        norms, clipped, shares = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1, 2])
        _draw_norms(norms, steps)
        clipped.fill_between(
            column(steps, "step"), 100 * running_share(column(steps, "clipped")), color=GREY, step="mid"
        )
        clipped.set(title="Steps clipped (%), running over a twentieth of the run", ylim=(0, 100))
        draw_shares(shares, [row for row in steps if row.get("shares")], parameters)
        shares.set(xlabel="optimiser step")


def _draw_norms(axes: Axes, steps: Sequence[Row]) -> None:
    step, before, after = column(steps, "step"), column(steps, "norm_before"), column(steps, "norm_after")
    clipped = column(steps, "clipped") == 1
    skipped = (column(steps, "stepped") == 0) | ~np.isfinite(before)
    axes.plot(step[clipped], before[clipped], ".", color=ORANGE, markersize=3, label="before clipping")
    axes.plot(step, after, ".", color=BLUE, markersize=3, label="after clipping, or unclipped")
    threshold = column(steps, "threshold")
    if np.isfinite(threshold).any():
        axes.plot(step, threshold, color=INK, linewidth=1, label="threshold")
    if skipped.any():
        top = np.full(skipped.sum(), 0.98)
        axes.plot(
            step[skipped], top, "x", color="crimson", transform=axes.get_xaxis_transform(), label="step not taken"
        )
    axes.set(title="Gradient norm", yscale="log")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=4)


def draw_shares(axes: Axes, steps: Sequence[Row], parameters: Sequence[str]) -> None:
    """The parameters with the largest shares of the squared norm, stacked; the rest is left white."""
    axes.set(title="Shares of the squared norm before clipping (%)", ylim=(0, 100))
    if not steps:
        return
    every, step = 100 * np.array([row["shares"] for row in steps]), column(steps, "step")
    starts = np.arange(0, len(steps), math.ceil(len(steps) / _MOMENTS))
    drawn = np.stack([part.mean(axis=0) for part in np.split(every, starts[1:])])
    at = np.array([part.mean() for part in np.split(step, starts[1:])])
    largest = np.argsort(-drawn.mean(axis=0))[:MAX_NAMED]
    labels = [in_words(parameters[place]) for place in largest]
    axes.stackplot(at, drawn[:, largest].T, labels=labels, colors=_COLOURS, linewidth=0)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=2)


def running_share(clipped: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The share of clipped steps among the last twentieth of the run."""
    width = max(1, len(clipped) // 20)
    seen = np.minimum(np.arange(1, len(clipped) + 1), width)
    return np.convolve(np.nan_to_num(clipped), np.ones(width))[: len(clipped)] / seen
