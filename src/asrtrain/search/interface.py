"""What every search is: from scores to hypotheses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

import torch

from asrtrain.types import Frames, Hypothesis, Scores, Seconds


class LabelScorer(ABC):
    """Scores the labels of a batch one after the other, each given those before it."""

    end: int
    """The label that ends an utterance."""

    @abstractmethod
    def begin(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The state before the first label of these utterances, (N,) places in the batch: tensors (N, …)."""

    @abstractmethod
    def step(
        self, rows: torch.Tensor, labels: torch.Tensor | None, state: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]]:
        """Score what comes next.

        Args:
            rows: the utterances, (N,) places in the batch; one may come several times.
            labels: the label before of each, (N,); None at the beginning.
            state: as the step before left it.

        Returns:
            Log-probabilities (N, V), the hidden frame that each looks at most (N,), and the new state.
        """


S = TypeVar("S", Scores, LabelScorer)


class Search(ABC, Generic[S]):
    """From the scores of a batch to one hypothesis an utterance."""

    @abstractmethod
    def __call__(self, scores: S, frames: Frames, frame_shift: Seconds) -> list[Hypothesis]:
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
