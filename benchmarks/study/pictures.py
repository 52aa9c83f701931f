"""The plots of the page, drawn from the findings alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asrtrain.reporting.style import BLUE, GREY, INK, ORANGE, picture
from study.findings import Finding
from study.plan import STRATEGIES


def draw(rows: Sequence[Finding], folder: Path) -> None:
    """Write every plot into the folder."""
    _differences([row for row in rows if row.part == "words" and row.figure == "difference"], folder)
    _vanishing([row for row in rows if row.part == "vanishing" and row.figure == "early share"], folder)
    _effects([row for row in rows if row.figure == "effect on gap"], folder)


def _differences(rows: Sequence[Finding], folder: Path) -> None:
    """A map: pairs of model and optimiser down, strategies across, colour for points of accuracy."""
    pairs = list(dict.fromkeys((row.model, row.optimizer) for row in rows))
    strategies = [name for name in STRATEGIES if any(row.strategy == name for row in rows)]
    values = np.full((len(pairs), len(strategies)), np.nan)
    with picture(folder / "study_differences.png", 8, 1.6 + 0.32 * len(pairs)) as figure:
        axes = figure.subplots()
        axes.grid(visible=False)
        for row in rows:
            line, column = pairs.index((row.model, row.optimizer)), strategies.index(row.strategy)
            values[line, column] = row.value
            weight = "bold" if row.real else "normal"
            colour = "white" if abs(row.value) > 30 else INK
            axes.text(
                column, line, f"{row.value:+.1f}", ha="center", va="center", fontsize=9, weight=weight, color=colour
            )
        shown = axes.imshow(values, cmap="RdBu", vmin=-50, vmax=50, aspect="auto")
        axes.set_xticks(range(len(strategies)), strategies)
        axes.set_yticks(range(len(pairs)), [", ".join(pair) for pair in pairs])
        axes.set_title("Test accuracy less that without clipping (points); bold: real", fontsize=11)
        figure.colorbar(shown, ax=axes, shrink=0.8)


def _vanishing(rows: Sequence[Finding], folder: Path) -> None:
    with picture(folder / "study_vanishing.png", 7, 1.3 + 0.35 * len(rows)) as figure:
        axes = figure.subplots()
        axes.barh([f"{row.model}, {row.strategy}" for row in rows], [row.value for row in rows], color=BLUE)
        axes.axvline(50, color=GREY, linestyle="--")
        axes.invert_yaxis()
        axes.set(xlabel="gradient at the first half of the frames (%)")


def _effects(rows: Sequence[Finding], folder: Path) -> None:
    with picture(folder / "study_regularisation.png", 7, 1.3 + 0.35 * len(rows)) as figure:
        axes = figure.subplots()
        for line, row in enumerate(rows):
            colour = ORANGE if row.real else BLUE
            axes.plot([row.low, row.high], [line, line], color=colour)
            axes.plot(row.value, line, "o", color=colour)
        axes.axvline(0, color=GREY, linestyle="--")
        axes.set_yticks(range(len(rows)), [f"{row.model}, {row.setting}" for row in rows])
        axes.invert_yaxis()
        axes.set(xlabel="effect on the gap (points); orange: real")
