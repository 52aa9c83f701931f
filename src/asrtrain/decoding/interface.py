"""What every decoder is: from scores to hypotheses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from asrtrain.types import Hypothesis, Scores, Seconds


class Decoder(ABC):
    """From the scores of a batch to one hypothesis an utterance."""

    @abstractmethod
    def __call__(self, ids: tuple[str, ...], scores: Scores, frame_shift: Seconds) -> list[Hypothesis]:
        """Decode; ``frame_shift`` is the time between two *scored* frames, for the words' times."""

    @property
    @abstractmethod
    def search(self) -> Mapping[str, str | float]:
        """How it searches, by name and number: what tells results of the same weights apart."""
