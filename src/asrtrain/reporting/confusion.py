"""The confusion matrix of spoken words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asrtrain.reporting.style import BLUE, INK, drawable, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_WRITTEN = 30
"""With more words than this, counts in the cells could not be read."""


def draw_confusion(pairs: Sequence[tuple[str, str]], path: Path, title: str) -> None:
    """Draw how often each word (rows) was recognised as each word (columns), from (said, recognised) pairs."""
    words = sorted({word for pair in pairs for word in pair})
    place = {word: i for i, word in enumerate(words)}
    counts = np.zeros((len(words), len(words)), dtype=np.int64)
    for said, heard in pairs:
        counts[place[said], place[heard]] += 1
    names = [drawable(word) for word in words]
    size = min(20.0, 2.5 + 0.5 * len(words) + 0.1 * max(map(len, names), default=0))
    with picture(path, size, size) as figure:
        from matplotlib.colors import LinearSegmentedColormap

        axes = figure.add_subplot()
        shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
        axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("shares", ["white", BLUE]), vmin=0, vmax=1)
        axes.set_xticks(range(len(words)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(words)), names)
        axes.set(xlabel="recognised", ylabel="said", title=title)
        axes.grid(visible=False)
        if len(words) <= MAX_WRITTEN:
            _write_counts(axes, counts, shares)


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else INK
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
