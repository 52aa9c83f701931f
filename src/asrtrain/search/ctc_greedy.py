"""Best-path decoding of CTC scores (Graves et al., 2006, section 3.2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch

from asrtrain.data.vocabulary import Vocabulary
from asrtrain.search.interface import Search
from asrtrain.types import Frames, Hypothesis, Scores, Seconds, TimedWord

BLANK = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A symbol and the frames it was the best of: the first, and the one after the last."""

    symbol: int
    start: int
    end: int


def collapse(best: torch.Tensor, lengths: torch.Tensor) -> list[list[Run]]:
    """Merge repeats and drop blanks: the best symbol of each frame (B, T) and lengths (B,) to each utterance's runs.

    All utterances at once: a run starts where a symbol differs from the frame before, and ends where the next differs.
    """
    frames = torch.arange(best.shape[1], device=best.device)
    best = best.masked_fill(frames >= lengths.unsqueeze(1), BLANK)
    edge = best.new_full((len(best), 1), BLANK)
    starts = (best != torch.cat([edge, best[:, :-1]], dim=1)) & (best != BLANK)
    ends = (best != torch.cat([best[:, 1:], edge], dim=1)) & (best != BLANK)
    runs: list[list[Run]] = [[] for _ in range(len(best))]
    # Both masks list their frames utterance by utterance, so the n-th start belongs to the n-th end.
    places = zip(starts.nonzero().tolist(), ends.nonzero()[:, 1].tolist(), best[starts].tolist(), strict=True)
    for (row, start), end, symbol in places:
        runs[row].append(Run(symbol, start, end + 1))
    return runs


@final
class CTCGreedy(Search[Scores]):
    """Takes logits (B, T, V) to the most probable path's text, with a place in time and a confidence for every word."""

    def __init__(self, tokens: Vocabulary) -> None:
        self._symbols, self._unit = tokens.symbols, tokens.unit

    def __call__(self, scores: Scores, frames: Frames, frame_shift: Seconds) -> list[Hypothesis]:
        """Search a batch; a confidence is the geometric mean of the best path's probabilities over its frames."""
        log_probabilities, best = scores.logits.detach().float().log_softmax(dim=2).max(dim=2)
        found = zip(
            frames.ids, collapse(best, scores.lengths), log_probabilities.tolist(), scores.lengths.tolist(), strict=True
        )
        step = frames.stride * frame_shift
        return [self._hypothesis(id_, runs, path[:length], step) for id_, runs, path, length in found]

    @property
    def description(self) -> Mapping[str, str | float]:
        return {"name": "ctc_greedy"}

    def _hypothesis(self, id_: str, runs: list[Run], path: list[float], step: Seconds) -> Hypothesis:
        words = tuple(
            TimedWord(
                "".join(self._symbols[run.symbol] for run in word),
                word[0].start * step,
                word[-1].end * step,
                geometric_mean(path[word[0].start : word[-1].end]),
            )
            for word in self._words(runs)
        )
        return Hypothesis(id_, " ".join(word.text for word in words), geometric_mean(path), words)

    def _words(self, runs: list[Run]) -> Iterator[list[Run]]:
        """The runs of each word: one each, or those between two spaces."""
        if self._unit == "word":
            yield from ([run] for run in runs)
            return
        word: list[Run] = []
        for run in runs:
            if self._symbols[run.symbol] != " ":
                word.append(run)
            elif word:
                yield word
                word = []
        if word:
            yield word


def geometric_mean(log_probabilities: Sequence[float]) -> float:
    """Exp of the mean logarithm; 0 for nothing."""
    return math.exp(sum(log_probabilities) / len(log_probabilities)) if log_probabilities else 0.0
