"""The most probable class of an utterance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from asrtrain.search.interface import Search
from asrtrain.types import Frames, Hypothesis, Scores, Seconds, TimedWord


@final
class GreedyClasses(Search[Scores]):
    """Takes logits (B, V) to one word an utterance, from its first frame to its last."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._symbols = tuple(symbols)

    def __call__(self, scores: Scores, frames: Frames, frame_shift: Seconds) -> list[Hypothesis]:
        """Search a batch; the confidence is the class's probability."""
        confidences, classes = scores.logits.detach().float().softmax(dim=1).max(dim=1)
        found = zip(frames.ids, classes.tolist(), confidences.tolist(), frames.covered.tolist(), strict=True)
        return [
            self._hypothesis(id_, self._symbols[label], confidence, covered * frame_shift)
            for id_, label, confidence, covered in found
        ]

    @property
    def description(self) -> Mapping[str, str | float]:
        return {"name": "greedy_classes"}

    def _hypothesis(self, id_: str, text: str, confidence: float, duration: Seconds) -> Hypothesis:
        return Hypothesis(id_, text, confidence, (TimedWord(text, 0.0, duration, confidence),))
