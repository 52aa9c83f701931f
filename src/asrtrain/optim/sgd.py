"""Stochastic gradient descent with momentum (Polyak, 1964; Nesterov, 1983)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, final

import torch
from pydantic import model_validator

from asrtrain.optim.interface import OptimizerConfig
from asrtrain.optim.light import light
from asrtrain.optim.settings import Decay, NonNegative, Positive

_SGD = light(torch.optim.SGD)


@final
class SGDConfig(OptimizerConfig):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = "sgd"
    lr: Positive = 0.05
    """The learning rate that the schedule multiplies."""
    momentum: Decay = 0.9
    """How much of the last update is added to this one; 0 for plain descent."""
    nesterov: bool = False
    """Look ahead: use the gradient as if the momentum had been applied already."""
    weight_decay: NonNegative = 0.0
    """Coupled (L2): weight_decay x weight is added to the gradient, after clipping."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("nesterov: true needs a momentum above 0; set momentum: 0.9 or nesterov: false")
        return self

    def build(self, groups: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
        """Build the optimiser."""
        return _SGD(
            [dict(group) for group in groups],
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=True,
        )
