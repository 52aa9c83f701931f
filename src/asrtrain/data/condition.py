"""The condition that a recording is in, noted while it is decoded, and what is said of recordings in a bad one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.types import Condition, Hertz, Seconds

Samples = npt.NDArray[np.float32]

SILENCE = 0.001
"""A recording that swings by less than this (-60 dB of full scale) around its middle is silent."""
_PIECE: Seconds = 0.01
_PIECES = 3
"""So many pieces have to swing as much, or half of all: fewer are a click, a knock or the noise of a switch."""
QUIET = 0.005
"""One that swings by less than this (-46 dB) has few of the steps of 16 bits left."""
FULL_SCALE = 0.999
HIGHEST = 0.97
"""Full scale of companded samples and of 8 bits is lower, but not lower than this."""
CLIPPED_RUN = 3
"""So many samples in succession at full scale are a wave whose crest was cut off."""
LOWEST = 0.05
"""Crests below this are too low to be told from cut ones."""
_FINE = 1 / 400
"""Samples finer than this, seen from their crest, do not lie on one level at it by themselves."""
_STEEP = 1 / 200
"""Beside a crest that was cut off, samples fall by more than this share of it; a round one begins to fall slowly."""
_CREST_RUNS = 5
"""So many crests on one level are cut off, wherever that level lies."""
CLIPPED_SHARE = 0.01
"""More of a recording than this in such runs is worth telling of in training."""
CANCELLED = 0.1
"""Channels that leave less than this share of their power, divided by how many they are, cancel each other."""
_QUIET_LABELS = ("sil", "noise", "none", "nothing", "background")
"""How labels begin, after underscores and brackets, that may well mean silence."""

SILENT_ADVICE = "channels of opposite phase cancel when they are mixed down: listen to it, and keep one channel"
"""What may be behind silence that the user does not hear."""

Conditions = npt.NDArray[np.float64]
"""Of every recording rate, channels, swing, kept and clipped, as in ``Condition``: (N, 5)."""

_FIELDS = tuple(field.name for field in fields(Condition))

Faults = Mapping[str, npt.NDArray[np.bool_]]

_WORDS: Mapping[str, tuple[str, str]] = {
    "cancelled": ("lose their sound when their channels are mixed down to one, as these cancel each other",
                  "keep one channel, or turn the other round"),
    "silent": ("are silent", "leave them out, or record them again"),
    "quiet": ("are very quiet (below -46 dB)", "record them at a higher level"),
    "clipped": ("are clipped in more than 1 % of their samples", "record them at a lower level, or scale floats"),
}  # fmt: skip


_OF_ONE: Mapping[str, str] = {
    "cancelled": "loses its sound when its channels are mixed down to one, as these cancel each other",
    "quiet": "is very quiet (below -46 dB)",
    "clipped": "is clipped in more than 1 % of its samples",
}


@final
class Listener:
    """Takes in a recording block by block."""

    def __init__(self, rate: Hertz, channels: int) -> None:
        self._rate, self._channels = rate, channels
        self._piece = max(1, round(_PIECE * rate))
        self._swings: Samples = np.zeros(0, np.float32)
        self._pieces = 0
        self._samples = self._clipped = 0
        self._power = self._left = 0.0

    def add(self, block: Samples, mono: Samples) -> None:
        """The next samples: of all channels (S, channels), and mixed down (S,)."""
        edges = np.arange(0, len(mono), self._piece)
        swings = (np.maximum.reduceat(mono, edges) - np.minimum.reduceat(mono, edges)) / 2
        self._swings = np.sort(np.concatenate([self._swings, swings]))[-_PIECES:]
        self._pieces += len(edges)
        self._samples += len(mono)
        self._clipped += max(_cut_off(channel) for channel in block.T)
        if block.shape[1] > 1:
            self._power += float(np.square(block, dtype=np.float64).mean(axis=1).sum())
            self._left += float(np.square(mono, dtype=np.float64).sum())

    def condition(self) -> Condition:
        """Of all that was taken in."""
        kept = self._left / self._power if self._power else 1.0
        clipped = self._clipped / max(1, self._samples)
        rank = min(_PIECES, -(-self._pieces // 2))
        swing = float(self._swings[-rank]) if rank else 0.0
        return Condition(self._rate, self._channels, swing, kept, clipped)


def clipped_share(samples: Samples) -> float:
    """The share of samples (S,) that lie in runs of at least three at full scale, whatever that is."""
    return _cut_off(samples) / max(1, len(samples))


def _cut_off(samples: Samples) -> int:
    """How many samples lie in runs at the highest or the lowest of them, if these were cut off.

    Near full scale they were. Below it, as in a recording that was clipped first and made quieter then, many runs on
    exactly one level tell it, where samples are fine enough for this not to be by chance.
    """
    found = 0
    for crest in (float(samples.max(initial=0.0)), float(samples.min(initial=0.0))):
        if abs(crest) >= HIGHEST:
            level = min(abs(crest), FULL_SCALE)
            at_crest = samples >= level if crest > 0 else samples <= -level
            found += _in_runs(at_crest) if np.count_nonzero(at_crest) >= CLIPPED_RUN else 0
        elif abs(crest) >= LOWEST:
            at_crest = samples == crest
            enough = np.count_nonzero(at_crest) >= CLIPPED_RUN * _CREST_RUNS and _runs(at_crest) >= _CREST_RUNS
            found += _in_runs(at_crest) if enough and _is_cut(samples, at_crest, crest) else 0
    return found


def _in_runs(marked: npt.NDArray[np.bool_]) -> int:
    """How many of the marked lie in runs of at least three."""
    windows = np.lib.stride_tricks.sliding_window_view(marked, CLIPPED_RUN)
    return int((np.convolve(windows.all(axis=1), np.ones(CLIPPED_RUN)) > 0).sum())


def _runs(marked: npt.NDArray[np.bool_]) -> int:
    """In how many runs of at least three the marked lie."""
    windows = np.lib.stride_tricks.sliding_window_view(marked, CLIPPED_RUN)
    whole = np.asarray(windows.all(axis=1))
    return int(whole[0]) + int(np.count_nonzero(whole[1:] & ~whole[:-1]))


def _is_cut(samples: Samples, at_crest: npt.NDArray[np.bool_], crest: float) -> bool:
    """Whether samples leave a crest steeply, and have far more levels than those of 8 bits or of companded ones."""
    levels = np.unique(samples[samples * np.sign(crest) > 0])
    fine = len(levels) > 1 and float(np.diff(levels).min()) < _FINE * abs(crest)
    leaving = np.concatenate([samples[1:][at_crest[:-1] & ~at_crest[1:]], samples[:-1][at_crest[1:] & ~at_crest[:-1]]])
    return fine and len(leaving) > 0 and float(np.median(np.abs(crest - leaving))) > _STEEP * abs(crest)


def faults_of(conditions: Conditions) -> Faults:
    """Of every fault which recordings have it: cancelled, silent, quiet or clipped; one that is silent is not quiet."""
    _, channels, swing, kept, clipped = conditions.T
    cancelled = (channels > 1) & (kept < CANCELLED / np.maximum(channels, 1))
    silent = silent_among(conditions) & ~cancelled
    return {
        "cancelled": cancelled,
        "silent": silent,
        "quiet": (swing < QUIET) & ~silent & ~cancelled,
        "clipped": (clipped > CLIPPED_SHARE) & ~silent,
    }


def fault_of(condition: Condition) -> str:
    """The fault of one recording, the worst if it has several; empty if it has none."""
    return next((fault for fault, found in faults_of(as_rows([condition])).items() if found[0]), "")


def as_rows(conditions: Sequence[Condition]) -> Conditions:
    """The conditions of recordings, (N, 5)."""
    return np.array([astuple(condition) for condition in conditions]).reshape(-1, len(_FIELDS))


def to_columns(conditions: Sequence[Condition]) -> dict[str, npt.NDArray[np.float64]]:
    """The same by the names of what they are."""
    return dict(zip(_FIELDS, as_rows(conditions).T, strict=True))


def from_columns(columns: Mapping[str, npt.NDArray[np.float64]]) -> Conditions:
    """What ``to_columns`` was given, (N, 5)."""
    return np.stack([columns[name] for name in _FIELDS], axis=1)


def is_silent(condition: Condition) -> bool:
    """Whether nothing of it can be recognised."""
    return condition.swing < SILENCE


def fault_in_words(condition: Condition) -> str:
    """What is to be said of one recording; empty if there is nothing."""
    return _OF_ONE.get(fault_of(condition), "")


def silent_among(conditions: Conditions) -> npt.NDArray[np.bool_]:
    """Which recordings are silent, for whatever reason."""
    found: npt.NDArray[np.bool_] = conditions[:, 2] < SILENCE
    return found


def may_be_silent(label: str) -> bool:
    """Whether a label may well be that of silence."""
    return label.strip("_<>[]() ").casefold().startswith(_QUIET_LABELS)


def remarks(conditions: Conditions, names: Sequence[str], sample_rate: Hertz) -> Iterator[str]:
    """A sentence for every fault that there is, with how many recordings have it, one by name, and what to do."""
    for fault, found in faults_of(conditions).items():
        if found.any():
            what, advice = _WORDS[fault]
            yield f"{_count(found)} {what}, such as {names[int(found.argmax())]}: {advice}"
    rates = conditions[:, 0].astype(np.int64)
    for rate in np.unique(rates[rates < sample_rate]):
        found = rates == rate
        yield (
            f"{_count(found)} have {rate} Hz and are resampled to {sample_rate} Hz, such as "
            f"{names[int(found.argmax())]}: the bands above {rate // 2} Hz stay empty; set features.sample_rate: {rate}"
        )


def _count(found: npt.NDArray[np.bool_]) -> str:
    return f"{found.sum()} of {len(found)} recordings"
