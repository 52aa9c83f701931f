"""Label by label: the best strings are kept at every step, until they end (beam search)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch

from asrtrain.data.vocabulary import Vocabulary
from asrtrain.search.ctc_greedy import geometric_mean
from asrtrain.search.interface import LabelScorer, Search
from asrtrain.types import Frames, Hypothesis, Seconds, TimedWord

REPEATS = 4
REPEATED = 4
"""``REPEATS`` times the same up to ``REPEATED`` labels are a circle, if the last of them come from no later frame."""


@final
@dataclass(frozen=True, slots=True)
class String:
    """Labels with the logarithm of each one's probability, and the hidden frame that was looked at for it."""

    labels: tuple[int, ...] = ()
    logs: tuple[float, ...] = ()
    frames: tuple[int, ...] = ()
    ended: bool = False

    @property
    def score(self) -> float:
        """The mean logarithm a label, the end included: else short strings would always win."""
        return sum(self.logs) / max(1, len(self.logs))

    def followed_by(self, label: int, log: float, frame: int) -> String:
        """One label longer."""
        return String((*self.labels, label), (*self.logs, log), (*self.frames, frame))

    def with_end(self, log: float) -> String:
        """The same, ended."""
        return String(self.labels, (*self.logs, log), self.frames, ended=True)

    @property
    def goes_in_circles(self) -> bool:
        """Whether its last labels are the same few again and again, while attention stays where it was.

        Where it moves on, the same word may be said again and again.
        """
        return any(
            len(self.labels) >= size * REPEATS
            and self.labels[-size * REPEATS :] == self.labels[-size:] * REPEATS
            and max(self.frames[-size:]) <= max(self.frames[-size * REPEATS :][:size])
            for size in range(1, REPEATED + 1)
        )


@final
class LabelSearch(Search[LabelScorer]):
    """Takes a scorer of labels to the string of the best mean score.

    A string has no more labels than its utterance has hidden frames, and is given up where it goes in circles:
    attention that has lost its place would go on for ever. ``width`` strings are kept an utterance; 1 is greedy.
    """

    def __init__(self, tokens: Vocabulary, width: int = 1) -> None:
        self._tokens, self._width = tokens, width

    @property
    def description(self) -> Mapping[str, str | float]:
        return {"name": "labels", "width": self._width}

    def __call__(self, scores: LabelScorer, frames: Frames, frame_shift: Seconds) -> list[Hypothesis]:
        """Search a batch; a word's confidence is the geometric mean of its labels' probabilities."""
        step = frames.stride * frame_shift
        return [
            self._hypothesis(id_, self._searched(scores, row, length, frames.values.device), step)
            for row, (id_, length) in enumerate(zip(frames.ids, frames.lengths.tolist(), strict=True))
        ]

    def _searched(self, scorer: LabelScorer, row: int, length: int, device: torch.device) -> String:
        """The best string of one utterance."""
        living, done = [String()], list[String]()
        state = scorer.begin(torch.tensor([row], device=device))
        while living and len(living[0].labels) <= length:
            rows = torch.full((len(living),), row, device=device)
            before = torch.tensor([one.labels[-1] for one in living], device=device) if living[0].labels else None
            logs, looked_at, state = scorer.step(rows, before, state)
            done += [one.with_end(log) for one, log in zip(living, logs[:, scorer.end].tolist(), strict=True)]
            best = max(one.score for one in done)
            places, living = self._longer(living, logs, looked_at, scorer.end)
            # Greedily, an end that is more probable than any label ends the string.
            if self._width == 1 and living and done[-1].logs[-1] >= living[0].logs[-1]:
                return done[-1]
            kept = [k for k, one in enumerate(living) if not one.goes_in_circles and self._may_win(one, best, length)]
            living = [living[k] for k in kept]
            chosen = torch.tensor([places[k] for k in kept], dtype=torch.int64, device=device)
            state = tuple(part[chosen] for part in state)
        return max(done, key=lambda one: one.score, default=String())

    def _may_win(self, one: String, best: float, length: int) -> bool:
        """Whether a string may still become better than the best that has ended, were all that follows certain."""
        return self._width == 1 or sum(one.logs) / (length + 1) > best

    def _longer(
        self, living: Sequence[String], logs: torch.Tensor, looked_at: torch.Tensor, end: int
    ) -> tuple[list[int], list[String]]:
        """The best strings that are one label longer, and of which strings they are."""
        labels = logs.clone()
        labels[:, end] = -math.inf
        sums = torch.tensor([sum(one.logs) for one in living], device=logs.device).unsqueeze(1) + labels
        values, best = sums.flatten().topk(min(self._width, sums.numel()))
        possible = best[values > -math.inf]
        places, chosen = (possible // logs.shape[1]).tolist(), (possible % logs.shape[1]).tolist()
        own, frames = logs.flatten()[possible].tolist(), looked_at.tolist()
        longer = [
            living[place].followed_by(label, log, frames[place])
            for place, label, log in zip(places, chosen, own, strict=True)
        ]
        return places, longer

    def _hypothesis(self, id_: str, string: String, step: Seconds) -> Hypothesis:
        words, at = [], 0
        for text in self._tokens.decode(string.labels).split(" "):
            size = len(text) if self._tokens.unit == "char" else 1
            if text:
                inside = slice(at, at + size)
                start, end = min(string.frames[inside]), max(string.frames[inside]) + 1
                words.append(TimedWord(text, start * step, end * step, geometric_mean(string.logs[inside])))
            at += size + (self._tokens.unit == "char")
        return Hypothesis(id_, " ".join(word.text for word in words), geometric_mean(string.logs), tuple(words))
