"""Cross-entropy between the scores and the class that was spoken."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch.nn import functional

from asrtrain.objectives.interface import Losses, Objective, ObjectiveConfig
from asrtrain.objectives.precision import at_least_float32
from asrtrain.types import Batch, Scores, Task


@final
class CrossEntropyConfig(ObjectiveConfig):
    """Negative log-probability of the right class."""

    name: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Take this much probability from the right class and spread it over all of them (Szegedy et al., 2016)."""

    @property
    def task(self) -> Task:
        """One class an utterance."""
        return "classification"

    def build(self) -> Objective:
        """Build the objective."""
        return CrossEntropy(self.label_smoothing)


@final
class CrossEntropy(Objective):
    """−Σ_v q_v log softmax(logits)_v with q = (1 − ε) [v = target] + ε / V; logits (B, V), targets (B,)."""

    def __init__(self, label_smoothing: float) -> None:
        self.label_smoothing = label_smoothing

    def __call__(self, scores: Scores, batch: Batch) -> Losses:
        """The losses of a batch; all of them count."""
        losses = functional.cross_entropy(
            at_least_float32(scores.logits), batch.targets, reduction="none", label_smoothing=self.label_smoothing
        )
        return Losses(losses, torch.ones_like(batch.targets, dtype=torch.bool))
