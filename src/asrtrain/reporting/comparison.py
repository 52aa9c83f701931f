"""The scores of variants side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from asrtrain.reporting.style import BLUE, ORANGE, picture


def draw_comparison(scores: Mapping[str, Sequence[float]], figure_name: str, path: Path) -> None:
    """Draw every seed's score (0 to 1) as a dot and the mean as a bar, one variant a line."""
    labels = list(scores)
    with picture(path, 9, 1.2 + 0.4 * len(labels)) as figure:
        axes = figure.subplots()
        for line, label in enumerate(labels):
            values = [100 * score for score in scores[label]]
            axes.plot(values, [line] * len(values), "o", color=BLUE, alpha=0.5)
            axes.plot(fmean(values), line, "|", color=ORANGE, markersize=18, markeredgewidth=3)
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set(xlabel=f"{figure_name} (%); a dot is a seed, the line their mean")
