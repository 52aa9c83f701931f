"""The picture of an alignment: words, units and states below the spectrogram of what was said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asrtrain.evaluation.alignments import LEVELS, Alignment, Interval
from asrtrain.reporting.levels import RANGE, levels_of
from asrtrain.reporting.style import GRID, INK, drawable, picture
from asrtrain.types import Audio, Seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS_A_SECOND, _BANDS = 200, 100
_TINTS = ("#ffffff", "#e8eef5")


def draw_alignment(alignment: Alignment, audio: Audio, path: Path, *, begin: Seconds = 0.0) -> None:
    """Draw one utterance, which begins at ``begin`` of its recording: its spectrogram with the borders of words, and a
    band of labels for each level.
    """
    width = max(6.0, min(18.0, 6 * audio.duration))
    with picture(path, width, 4.6) as figure:
        sound, *bands = figure.subplots(1 + len(LEVELS), 1, sharex=True, height_ratios=[7, *[1] * len(LEVELS)])
        _draw_sound(sound, audio, begin)
        for border in alignment.levels["words"][1:]:
            sound.axvline(border.start, color="white", linewidth=1.0)
        for axes, level in zip(bands, LEVELS, strict=True):
            _draw_band(axes, alignment.levels[level], level, width / audio.duration)
        sound.set(title=drawable(alignment.id))
        bands[-1].set(xlabel="seconds", xlim=(begin, begin + audio.duration))


def _draw_sound(axes: Axes, audio: Audio, begin: Seconds) -> None:
    levels = levels_of(audio, max(1, round(_COLUMNS_A_SECOND * audio.duration)), _BANDS)
    ends = begin, begin + audio.duration, 0, audio.sample_rate / 2000
    axes.imshow(levels, "magma", vmin=-RANGE, vmax=0, aspect="auto", origin="lower", extent=ends)
    axes.set(ylabel="kHz")
    axes.grid(visible=False)


def _draw_band(axes: Axes, intervals: Sequence[Interval], level: str, inches: float) -> None:
    """Boxes side by side; a label is written where it has room, at so many inches a second."""
    for place, one in enumerate(intervals):
        axes.axvspan(one.start, one.end, facecolor=_TINTS[place % 2], edgecolor=GRID, linewidth=0.6)
        # A state is named by its number: its unit stands above it.
        label = one.label.rpartition(".")[2] if level == "states" else one.label
        if (one.end - one.start) * inches > 0.09 * len(label):
            axes.text((one.start + one.end) / 2, 0.5, drawable(label), ha="center", va="center", fontsize=8, color=INK)
    axes.set(ylim=(0, 1), yticks=[])
    axes.set_ylabel(level, rotation=0, ha="right", va="center", fontsize=9)
    axes.grid(visible=False)
