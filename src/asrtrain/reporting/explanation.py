"""The picture of an explanation: the gradient back through time, and what every module lets numbers grow by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asrtrain.diagnosis import Explanation
from asrtrain.reporting.style import BLUE, GREY, INK, ORANGE, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = ("-", "--", ":", "-.")


def draw_explanation(explanation: Explanation, path: Path) -> None:
    """Draw ‖∂L/∂h_t‖ over time for each recurrent layer, and each module's growth by what is usual for it."""
    recurrent = bool(explanation.recurrences)
    with picture(path, 9, 3 * recurrent + 1.5 + 0.22 * len(explanation.modules)) as figure:
        figure.suptitle(explanation.verdict, x=0.01, ha="left", wrap=True, fontsize=10, color=INK)
        if recurrent:
            over_time, growth = figure.subplots(2, 1, height_ratios=[3, 1 + 0.22 * len(explanation.modules)])
            _draw_gradients(over_time, explanation)
        else:
            growth = figure.subplots()
        _draw_growth(growth, explanation)


def _draw_gradients(axes: Axes, explanation: Explanation) -> None:
    for place, facts in enumerate(explanation.recurrences):
        colour = ORANGE if explanation.producer and explanation.producer.module == facts.module else BLUE
        style = _LINES[place % len(_LINES)]
        _draw_norms(axes, facts.gradients, style, colour, f"{facts.module}: ‖∂L/∂h‖, recomputed")
        _draw_norms(axes, facts.leaving, style, GREY, f"{facts.module}: max |∂L/∂x|, as it was")
        if facts.onset is not None:
            axes.axvline(facts.onset, color=colour, linewidth=0.8)
    axes.set(title="Gradients back through time (crosses: not finite)", xlabel="frame at the layer's rate")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)


def _draw_norms(axes: Axes, values: Sequence[float], style: str, colour: str, label: str) -> None:
    """A line of logarithms where there are numbers, crosses along the top where there are none."""
    norms, frames = np.array(values), np.arange(len(values))
    sound, lost = np.isfinite(norms) & (norms > 0), ~np.isfinite(norms)
    if sound.any():
        axes.set_yscale("log")
        axes.plot(frames[sound], norms[sound], style, color=colour, label=label)
    axes.plot(frames[lost], np.full(lost.sum(), 0.98), "x", color="crimson", transform=axes.get_xaxis_transform())


def _draw_growth(axes: Axes, explanation: Explanation) -> None:
    """Bars of orders of magnitude above the usual growth; cut where numbers were lost."""
    modules = explanation.modules
    places = np.arange(len(modules))
    forward, backward = (
        np.clip([getattr(module, f"{way}_excess") for module in modules], -2, 8) for way in ("forward", "backward")
    )
    axes.barh(places - 0.2, forward, 0.4, color=BLUE, label="forward")
    axes.barh(places + 0.2, backward, 0.4, color=ORANGE, label="backward")
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(places, [module.name for module in modules], fontsize=8)
    axes.invert_yaxis()
    axes.set(title="Growth above what is usual (orders of magnitude, cut at 8)")
    axes.legend()
