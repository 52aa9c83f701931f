"""A linear layer that takes frames in the order in which recurrent layers leave them."""

from __future__ import annotations

from typing import final

import torch
from torch import nn


@final
class Linear(nn.Linear):
    """torch's own, (…, F) to (…, K); frames that lie frame by frame in memory are not brought into another order.

    PyTorch would copy them, and copy the gradient back.
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """What comes out lies in memory as what goes in."""
        if inputs.dim() == 3 and not inputs.is_contiguous() and inputs.transpose(0, 1).is_contiguous():
            return super().forward(inputs.transpose(0, 1)).transpose(0, 1)
        return super().forward(inputs)
