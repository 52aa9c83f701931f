"""RMSprop (Hinton, lecture 6e of Neural Networks for Machine Learning, 2012; centred: Graves, 2013)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

import torch

from asrtrain.optim.interface import OptimizerConfig
from asrtrain.optim.light import light
from asrtrain.optim.settings import Decay, NonNegative, Positive

_RMSprop = light(torch.optim.RMSprop)


@final
class RMSpropConfig(OptimizerConfig):
    """The gradient divided by the root of its running mean square."""

    name: Literal["rmsprop"] = "rmsprop"
    lr: Positive = 1e-3
    """The learning rate that the schedule multiplies."""
    alpha: Decay = 0.99
    """How much of the running mean square is kept at each step."""
    eps: Positive = 1e-8
    """Added to the root."""
    momentum: Decay = 0.0
    """How much of the last update is added to this one."""
    centered: bool = False
    """Divide by the running standard deviation in place of the root mean square."""
    weight_decay: NonNegative = 0.0
    """Coupled (L2): weight_decay x weight is added to the gradient, after clipping."""

    def build(self, groups: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
        """Build the optimiser (torch has no fused one)."""
        return _RMSprop(
            [dict(group) for group in groups],
            lr=self.lr,
            alpha=self.alpha,
            eps=self.eps,
            momentum=self.momentum,
            centered=self.centered,
            weight_decay=self.weight_decay,
        )
