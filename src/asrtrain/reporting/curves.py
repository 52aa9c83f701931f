"""Loss and development metric over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asrtrain.reporting.measurements import Row, column
from asrtrain.reporting.style import BLUE, GREY, ORANGE, picture, time_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_curves(steps: Sequence[Row], epochs: Sequence[Row], path: Path) -> None:
    """Draw the training loss of every step, the development loss and metric of every epoch, and the learning rate."""
    with picture(path, 9, 8) as figure:
        loss, metric, rate = figure.subplots(3, 1, sharex=True, height_ratios=[3, 3, 1])
        _draw_losses(loss, steps, epochs)
        _draw_metric(metric, epochs)
        rate.plot(column(steps, "step"), column(steps, "lr"), color=GREY)
        rate.set(xlabel=time_of(steps), title="Learning rate")


def _draw_losses(axes: Axes, steps: Sequence[Row], epochs: Sequence[Row]) -> None:
    losses = column(steps, "loss")
    axes.plot(column(steps, "step"), losses, color=BLUE, alpha=0.25, linewidth=0.8)
    axes.plot(column(steps, "step"), smoothed(losses), color=BLUE, label="training")
    axes.plot(column(epochs, "step"), column(epochs, "dev_loss"), color=ORANGE, marker="o", label="development")
    axes.set(title="Loss", yscale="log")
    axes.legend()


def _draw_metric(axes: Axes, epochs: Sequence[Row]) -> None:
    if not epochs:
        return
    values = 100 * column(epochs, "dev_metric")
    axes.plot(column(epochs, "step"), values, color=ORANGE, marker="o")
    axes.set(title=f"Development {epochs[-1]['metric']} (%)")
    best = [(row["step"], value) for row, value in zip(epochs, values, strict=True) if row["best"]]
    if best:
        axes.annotate(f"best: {best[-1][1]:.2f} %", best[-1], xytext=(0, 8), textcoords="offset points", ha="right")


def smoothed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean of the last fiftieth of the run, non-finite values left out."""
    width = max(1, len(values) // 50)
    finite = np.isfinite(values)
    sums = np.convolve(np.where(finite, values, 0), np.ones(width))[: len(values)]
    counts = np.convolve(finite, np.ones(width))[: len(values)]
    smoothed = np.full(len(values), np.nan)
    np.divide(sums, counts, out=smoothed, where=counts > 0)
    return smoothed
