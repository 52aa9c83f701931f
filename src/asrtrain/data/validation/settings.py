"""Labels that can be told by how they were recorded: by loudness, background noise, length or sampling rate alone.

A model learns the way of recording then, and fails on any other. Each figure of a recording by itself is given to the
simplest classifier there is, the nearest mean of a label, the recording in question left out. Words differ a little in
all of these, so only a classifier that is right far more often than guessing is told of. Length has to tell them nearly
without fault, and two words may differ in it as a long one does from a short one. Where some labels were recorded in
one sitting and the others in another, these two groups are told apart, and are far from each other besides.
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
_APART = {"loudness": 6.0, "noise floor": 10.0, "length": math.log(_LONGER), "sampling rate": 0.01}
"""How far the nearest labels of two groups are from each other, at least."""
_OF_EACH = 0.7
"""The share of either group that is told to be of it."""
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
    times = Counter(setting.recording for setting in settings)
    settings = [
        one for one in settings if times[one.recording] == 1
    ]  # parts of one recording are alike for that reason
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
        right, what = accuracy(values, members), ""
        if is_surely_above(right, chance + bound * (1 - chance), len(members)):
            what = f"its label in {right:.0%} of cases ({chance:.0%} by guessing)"
        elif len(labels) > 2 and (group := _group_apart(values, members, _APART[name])):
            what = f"{_some(labels[group].tolist())} from the other labels"
        if what:
            yield Complaint(
                "told_apart",
                f"the {name} of a recording alone tells {what}: a model may learn how each label was recorded instead "
                "of what is said; record labels in turns",
            )


def _group_apart(values: Values, members: npt.NDArray[np.intp], least: float) -> list[int]:
    """The smaller of two groups of labels that are told apart and lie ``least`` apart; none where there are no such."""
    means = np.bincount(members, values) / np.bincount(members)
    order = np.argsort(means)
    for cut in np.flatnonzero(np.diff(means[order]) >= least) + 1:
        above = np.isin(members, order[cut:]).astype(np.intp)
        counts = np.bincount(above)
        shares = np.bincount(above, _hits(values, above)) / counts
        # The cuts are many, and one of them is found by chance more easily.
        tried = len(order) - 1
        if all(is_surely_above(s, _OF_EACH, n, tried) for s, n in zip(shares.tolist(), counts.tolist(), strict=True)):
            return sorted(order[cut:].tolist() if counts[1] <= counts[0] else order[:cut].tolist())
    return []


def _some(labels: Sequence[str]) -> str:
    named = ", ".join(map(repr, labels[:3]))
    return named if len(labels) <= 3 else f"{named} and {len(labels) - 3} more"


def _is_of_words(values: Values, members: npt.NDArray[np.intp]) -> bool:
    """Whether two labels may differ so in length (logarithms of seconds) because one word is longer."""
    low, high = sorted(np.bincount(members, values) / np.bincount(members))
    return bool(high - low < np.log(_LONGER))


def accuracy(values: Values, members: npt.NDArray[np.intp]) -> float:
    """How often the nearest mean of a label is that of the right one; the recording in question is in no mean."""
    return float(_hits(values, members).mean())


def _hits(values: Values, members: npt.NDArray[np.intp]) -> Values:
    """Of every recording whether the nearest mean is that of its label; those that are equally near share the point."""
    counts = np.bincount(members).astype(float)
    sums = np.bincount(members, values)
    rows = np.arange(len(values))
    means = np.tile(sums / counts, (len(values), 1))
    means[rows, members] = (sums[members] - values) / (counts[members] - 1)
    distances = np.abs(means - values[:, None]).round(9)
    nearest = distances == distances.min(axis=1, keepdims=True)
    hits: Values = nearest[rows, members] / nearest.sum(axis=1)
    return hits


def is_surely_above(share: float, bound: float, count: int, tried: int = 1) -> bool:
    """Whether a true share of ``bound`` would give such a share of so many cases less than once in a hundred times, if
    it is the best of so many that were tried.

    By Hoeffding's first inequality (1963), with the relative entropy of both shares.
    """
    if share <= bound:
        return False
    rest = (1 - share) * math.log((1 - share) / (1 - bound)) if share < 1 else 0.0
    return count * (share * math.log(share / bound) + rest) > math.log(tried / _SURE)


def _noise_floor(samples: Samples, size: int) -> float:
    """The level that a tenth of the frames stays below, in decibels."""
    whole = len(samples) // size * size
    frames = samples[:whole].reshape(-1, size) if whole else samples[None]
    return _decibels(float(np.percentile(np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1)), 10)))


def _decibels(level: float) -> float:
    return 20 * float(np.log10(max(level, _FLOOR)))
