"""Heads that are a layer of scores and a criterion: most of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from asrtrain.data.validation.requirements import ctc_frames
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.heads.criterion import Criterion
from asrtrain.heads.interface import Head, Reading
from asrtrain.heads.output import Output
from asrtrain.search import CTCGreedy, GreedyClasses
from asrtrain.search.interface import Search
from asrtrain.types import Batch, Frames, Part, Scores


@final
class ScoredHead(Head[Scores]):
    """Scores whole utterances (``reading`` classes) or frames, and judges the scores."""

    def __init__(self, tokens: Vocabulary, reading: Reading, output: Output, criterion: Criterion) -> None:
        super().__init__(tokens, reading)
        self.output = output
        self._criterion = criterion

    def part(self, frames: Frames, batch: Batch) -> Part:
        return self._criterion(self.scorer(frames), self.targets(batch))

    def judged(self, frames: Frames, batch: Batch) -> tuple[Part, Scores]:
        scores = self.scorer(frames)
        return self._criterion(scores, self.targets(batch)), scores

    def search(self) -> Search[Scores]:
        return GreedyClasses(self.tokens.symbols) if self.reading == "classes" else CTCGreedy(self.tokens)

    def scorer(self, frames: Frames) -> Scores:
        scores: Scores = self.output(frames)
        return scores

    @property
    def needs_frames(self) -> bool:
        return self.reading == "frames"

    def frames_needed(self, symbols: Sequence[int]) -> int:
        return ctc_frames(symbols) if self.reading == "frames" else 1
