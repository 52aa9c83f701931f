"""Axes of the page's figures: logarithmic where numbers span decades, with plain numbers beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = npt.NDArray[np.float64]

_DECADE = 10.0


def scale_y(axes: Axes, *values: Numbers) -> None:
    """A logarithmic axis where the numbers that will be drawn span a decade or more."""
    span = _span(values)
    if span >= _DECADE:
        axes.set_yscale("log")
        _write_plainly(axes, "y", span)


def scale_x(axes: Axes, *values: Numbers) -> None:
    """The same for the other axis."""
    span = _span(values)
    if span >= _DECADE:
        axes.set_xscale("log")
        _write_plainly(axes, "x", span)


def legend_below(figure: Figure) -> None:
    """Everything that has a label, under the figure."""
    figure.legend(loc="outside lower left", ncols=2)


def finite(values: Numbers) -> Numbers:
    """The finite ones."""
    return values[np.isfinite(values)]


def _span(values: tuple[Numbers, ...]) -> float:
    positive = np.concatenate([each[np.isfinite(each) & (each > 0)] for each in values])
    return float(positive.max() / positive.min()) if len(positive) else 1.0


def _write_plainly(axes: Axes, which: str, span: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(LogLocator(subs=(1.0,) if span > _DECADE**2 else (1.0, 2.0, 5.0), numticks=6))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
