"""Figures about a manifest: how much speech, by whom, how long, saying what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from asrtrain.data.durations import with_durations
from asrtrain.types import Seconds, Utterance

BATCH_SIZE = 32
"""Utterances a batch, for the padding efficiency."""
PERCENTILES = {"min": 0, "p5": 5, "median": 50, "p95": 95, "max": 100}


@final
@dataclass(frozen=True, slots=True)
class Statistics:
    """Durations in seconds and text lengths as percentiles; texts and characters with how often they occur.

    Padding efficiency is the share of real audio in batches of 32, shuffled and sorted by length.
    """

    utterances: int
    recordings: int
    hours: float
    speakers: int
    duration: Mapping[str, float]
    characters_per_text: Mapping[str, float]
    words_per_text: Mapping[str, float]
    different_texts: int
    texts: Mapping[str, int]
    characters: Mapping[str, int]
    words: int
    different_words: int
    padding_efficiency: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """For programs: everything, as plain values."""
        return asdict(self)

    def _repeated(self, most: int) -> str:
        return f": {_most_frequent(self.texts, most)}" if 2 * self.different_texts <= self.utterances else ""

    def to_text(self, most: int = 20) -> str:
        """For reading; texts and characters are cut to the ``most`` frequent ones."""
        seconds = ", ".join(f"{name} {value:.2f} s" for name, value in self.duration.items())
        lengths = ", ".join(f"{name} {value:g}" for name, value in self.characters_per_text.items())
        padding = ", ".join(f"{value:.0%} {name}" for name, value in self.padding_efficiency.items())
        return "\n".join(
            [
                f"utterances   {self.utterances} in {self.recordings} recordings, {self.hours:.2f} h",
                f"speakers     {self.speakers or 'not stated'}",
                f"durations    {seconds}",
                f"characters   {lengths}",
                f"words        {self.words}, {self.different_words} different",
                f"texts        {self.different_texts} different{self._repeated(most)}",
                f"symbols      {len(self.characters)}: {_most_frequent(self.characters, most)}",
                f"padding      batches of {BATCH_SIZE}: {padding} of the audio is real",
            ]
        )


def manifest_statistics(utterances: Sequence[Utterance]) -> Statistics:
    """Figures about utterances; unknown durations are read from headers. Raises DataError for unreadable ones."""
    durations = [utterance.duration or 0.0 for utterance in with_durations(utterances)]
    texts = [utterance.text for utterance in utterances]
    words = Counter(word for text in texts for word in text.split())
    return Statistics(
        utterances=len(utterances),
        recordings=len({utterance.audio for utterance in utterances}),
        hours=sum(durations) / 3600,
        speakers=len({utterance.speaker for utterance in utterances} - {""}),
        duration=_percentiles(durations),
        characters_per_text=_percentiles([len(text) for text in texts]),
        words_per_text=_percentiles([len(text.split()) for text in texts]),
        different_texts=len(set(texts)),
        texts=_counted(texts),
        characters=_counted("".join(texts)),
        words=words.total(),
        different_words=len(words),
        padding_efficiency={
            "shuffled": padding_efficiency(np.random.default_rng(0).permutation(durations).tolist(), BATCH_SIZE),
            "sorted by length": padding_efficiency(sorted(durations), BATCH_SIZE),
        },
    )


def padding_efficiency(durations: Sequence[Seconds], batch_size: int) -> float:
    """The share of real audio when ``durations`` are batched in this order and padded to the longest of each batch."""
    batches = [durations[start : start + batch_size] for start in range(0, len(durations), batch_size)]
    padded = sum(max(batch) * len(batch) for batch in batches)
    return sum(durations) / padded if padded else 1.0


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    return {name: float(np.percentile(values, percent)) for name, percent in PERCENTILES.items()} if values else {}


def _counted(items: Sequence[str]) -> dict[str, int]:
    """Most frequent first, equals in the order of code points."""
    return dict(sorted(Counter(items).items(), key=lambda item: (-item[1], item[0])))


def _most_frequent(counts: Mapping[str, int], most: int) -> str:
    shown = ", ".join(f"{item if item != ' ' else 'space'} {count}" for item, count in list(counts.items())[:most])
    return f"{shown}, …" if len(counts) > most else shown
