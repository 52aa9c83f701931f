"""What every training objective is: a loss per utterance, and which utterances count."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from asrtrain.config import Config
from asrtrain.types import Batch, Scores, Task


@dataclass(frozen=True, slots=True)
class Losses:
    """One loss an utterance (B,) float32, and whether it counts (B,) bool; a loss that does not count is exactly 0."""

    per_utterance: torch.Tensor
    counted: torch.Tensor


class Objective(ABC):
    """From scores and targets to losses. The loop sums the counted losses and divides by their number."""

    @abstractmethod
    def __call__(self, scores: Scores, batch: Batch) -> Losses:
        """The losses of a batch; differentiable in ``scores.logits``."""


class ObjectiveConfig(Config, ABC):
    """An objective's settings; ``task`` says what it serves."""

    name: str

    @property
    @abstractmethod
    def task(self) -> Task:
        """``classification`` (one class an utterance) or ``transcription`` (a string of symbols)."""

    @abstractmethod
    def build(self) -> Objective:
        """Build the objective."""
