"""The most probable class of an utterance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from asrtrain.decoding.interface import Decoder
from asrtrain.types import Hypothesis, Scores, Seconds, TimedWord


@final
class GreedyClasses(Decoder):
    """Takes logits (B, V) to one word an utterance, from its first frame to its last."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._symbols = tuple(symbols)

    def __call__(self, ids: tuple[str, ...], scores: Scores, frame_shift: Seconds) -> list[Hypothesis]:
        """Decode a batch; the confidence is the class's probability."""
        confidences, classes = scores.logits.detach().float().softmax(dim=1).max(dim=1)
        found = zip(ids, classes.tolist(), confidences.tolist(), scores.lengths.tolist(), strict=True)
        return [
            self._hypothesis(id_, self._symbols[label], confidence, frames * frame_shift)
            for id_, label, confidence, frames in found
        ]

    @property
    def search(self) -> Mapping[str, str | float]:
        return {"name": "greedy_classes"}

    def _hypothesis(self, id_: str, text: str, confidence: float, duration: Seconds) -> Hypothesis:
        return Hypothesis(id_, text, confidence, (TimedWord(text, 0.0, duration, confidence),))
