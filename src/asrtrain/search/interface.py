"""What every search is: from scores to hypotheses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from asrtrain.types import Frames, Hypothesis, Scores, Seconds


class Search(ABC):
    """From the scores of a batch to one hypothesis an utterance."""

    @abstractmethod
    def __call__(self, scores: Scores, frames: Frames, frame_shift: Seconds) -> list[Hypothesis]:
        """Search a batch.

        Args:
            scores: what a head has made of the frames.
            frames: the batch that they are of.
            frame_shift: the time from one *feature* frame to the next, for the words' times. These count from the first
                frame.
        """

    @property
    @abstractmethod
    def description(self) -> Mapping[str, str | float]:
        """How it searches, by name and number: what tells results of the same weights apart."""
