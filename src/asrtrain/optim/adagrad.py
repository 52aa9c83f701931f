"""Adagrad (Duchi et al., 2011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

import torch

from asrtrain.optim.interface import OptimizerConfig
from asrtrain.optim.light import light
from asrtrain.optim.settings import NonNegative, Positive

_Adagrad = light(torch.optim.Adagrad)


@final
class AdagradConfig(OptimizerConfig):
    """The gradient divided by the root of the sum of all squares so far."""

    name: Literal["adagrad"] = "adagrad"
    lr: Positive = 0.01
    """The learning rate that the schedule multiplies."""
    lr_decay: NonNegative = 0.0
    """Divide the learning rate by 1 + step x lr_decay."""
    initial_accumulator_value: NonNegative = 0.0
    """What the sum of squares starts from."""
    eps: Positive = 1e-10
    """Added to the root."""
    weight_decay: NonNegative = 0.0
    """Coupled (L2): weight_decay x weight is added to the gradient, after clipping."""

    def build(self, groups: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
        """Build the optimiser."""
        return _Adagrad(
            [dict(group) for group in groups],
            lr=self.lr,
            lr_decay=self.lr_decay,
            initial_accumulator_value=self.initial_accumulator_value,
            eps=self.eps,
            weight_decay=self.weight_decay,
        )
