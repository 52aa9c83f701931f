"""Coupled L1 and L2: penalties whose gradient passes through the optimiser's moments."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


@torch.no_grad()
def add_penalty_gradients(parameters: Iterable[nn.Parameter], l1: float, l2: float) -> None:
    """Add the gradient of l1·‖w‖₁ + l2·½‖w‖² to that of every weight matrix and kernel.

    Biases, gains and other vectors are left out: shrinking them does not make a model simpler.
    """
    for parameter in parameters:
        if parameter.grad is None or parameter.dim() < 2:
            continue
        if l1:
            parameter.grad.add_(parameter.sign(), alpha=l1)
        if l2:
            parameter.grad.add_(parameter, alpha=l2)
