"""Mean absolute error between the probabilities and the class that was spoken."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch.nn import functional

from asrtrain.objectives.interface import Losses, Objective, ObjectiveConfig
from asrtrain.objectives.precision import at_least_float32
from asrtrain.types import Batch, Scores, Task


@final
class MAEConfig(ObjectiveConfig):
    """Mean absolute error on probabilities: bounded, so that wrong labels cannot dominate (Ghosh et al., 2017)."""

    name: Literal["mae"] = "mae"

    @property
    def task(self) -> Task:
        """One class an utterance."""
        return "classification"

    def build(self) -> Objective:
        """Build the objective."""
        return MAE()


@final
class MAE(Objective):
    """1/V Σ_v |softmax(logits)_v − [v = target]|, which is 2/V (1 − p_target); logits (B, V), targets (B,)."""

    def __call__(self, scores: Scores, batch: Batch) -> Losses:
        """The losses of a batch; all of them count."""
        probabilities = at_least_float32(scores.logits).softmax(dim=1)
        wanted = functional.one_hot(batch.targets, probabilities.shape[1])
        losses = (probabilities - wanted).abs().mean(dim=1)
        return Losses(losses, torch.ones_like(batch.targets, dtype=torch.bool))
