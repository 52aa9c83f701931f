"""Labels that can be told by how they were recorded: by loudness, background noise, length or sampling rate alone.

A model learns the way of recording then, and fails on any other. Each figure of a recording by itself is given to the
simplest classifier there is, the nearest mean of a label, the recording in question left out. Words differ a little in
all of these, so only a classifier that is right far more often than guessing is told of. Length has to tell them nearly
without fault, and two words may differ in it as a long one does from a short one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.data.complaints import Complaint
from asrtrain.data.decoder import Samples
from asrtrain.types import Audio

_FEWEST = 5
"""Recordings that a label needs to be looked at."""
_MOST = 20_000
"""Recordings looked at; more of them tell nothing else."""
_LONGER = 3.0
"""Times that one word may be as long as another."""
_SURE = 0.01
"""The chance that a classifier which is as good as the bound is told of."""
_FRAME = 0.02
"""Seconds, for the noise floor."""
_FLOOR = 1e-5
"""Silence below this (-100 dB) is alike."""
_NAMES = {"loudness": 0.6, "noise floor": 0.6, "length": 0.8, "sampling rate": 0.6}
"""How far from guessing (0) to faultless (1) each figure may come."""

Values = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Setting:
    """How a recording was made, as one number for each name."""

    label: str
    recording: str
    figures: Mapping[str, float]


def setting_of(audio: Audio, label: str, recording: str) -> Setting:
    """Of a recording at its own rate: decibels, decibels, the logarithms of seconds and of Hz."""
    figures = {
        "loudness": _decibels(float(np.sqrt(np.mean(np.square(audio.samples, dtype=np.float64))))),
        "noise floor": _noise_floor(audio.samples, max(1, round(_FRAME * audio.sample_rate))),
        "length": float(np.log(audio.duration)),
        "sampling rate": float(np.log(audio.sample_rate)),
    }
    return Setting(label, recording, figures)


def check_settings(settings: Sequence[Setting]) -> Iterator[Complaint]:
    """Complain of every figure that tells the labels apart."""
    if len({setting.recording for setting in settings}) < len(settings):
        return  # parts of one recording are alike for that reason
    some = settings[:: 1 + len(settings) // _MOST]
    frequent = Counter(setting.label for setting in some)
    settings = [setting for setting in some if frequent[setting.label] >= _FEWEST]
    labels, members = np.unique([setting.label for setting in settings], return_inverse=True)
    if len(labels) < 2:
        return
    chance = float(np.bincount(members).max()) / len(members)
    for name, bound in _NAMES.items():
        values = np.array([setting.figures[name] for setting in settings])
        if name == "length" and len(labels) == 2 and _is_of_words(values, members):
            continue
        right = accuracy(values, members)
        if is_surely_above(right, chance + bound * (1 - chance), len(members)):
            yield Complaint(
                "told_apart",
                f"the {name} of a recording alone tells its label in {right:.0%} of cases ({chance:.0%} by guessing): "
                "a model may learn how each label was recorded instead of what is said; record labels in turns",
            )


def _is_of_words(values: Values, members: npt.NDArray[np.intp]) -> bool:
    """Whether two labels may differ so in length (logarithms of seconds) because one word is longer."""
    low, high = sorted(np.bincount(members, values) / np.bincount(members))
    return bool(high - low < np.log(_LONGER))


def accuracy(values: Values, members: npt.NDArray[np.intp]) -> float:
    """How often the nearest mean of a label is that of the right one, the recording in question left out of the means.

    Labels that are equally near share the point.
    """
    counts = np.bincount(members).astype(float)
    sums = np.bincount(members, values)
    rows = np.arange(len(values))
    means = np.tile(sums / counts, (len(values), 1))
    means[rows, members] = (sums[members] - values) / (counts[members] - 1)
    distances = np.abs(means - values[:, None]).round(9)
    nearest = distances == distances.min(axis=1, keepdims=True)
    return float((nearest[rows, members] / nearest.sum(axis=1)).mean())


def is_surely_above(share: float, bound: float, count: int) -> bool:
    """Whether a true share of ``bound`` would give such a share of so many cases less than once in a hundred times.

    By Hoeffding's first inequality (1963), with the relative entropy of both shares.
    """
    if share <= bound:
        return False
    rest = (1 - share) * math.log((1 - share) / (1 - bound)) if share < 1 else 0.0
    return count * (share * math.log(share / bound) + rest) > -math.log(_SURE)


def _noise_floor(samples: Samples, size: int) -> float:
    """The level that a tenth of the frames stays below, in decibels."""
    whole = len(samples) // size * size
    frames = samples[:whole].reshape(-1, size) if whole else samples[None]
    return _decibels(float(np.percentile(np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1)), 10)))


def _decibels(level: float) -> float:
    return 20 * float(np.log10(max(level, _FLOOR)))
