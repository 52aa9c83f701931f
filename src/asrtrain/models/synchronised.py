"""Batch normalisation over the batch of all processes that train together, so that their number changes nothing.

PyTorch's SyncBatchNorm does the same on GPUs, and nowhere else.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import nn


def processes() -> int:
    """How many processes train together; 1 unless ``torch.distributed`` was started."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def synchronised_batch_norm(rows: torch.Tensor, norm: nn.BatchNorm1d) -> torch.Tensor:
    """Normalise (N, C) by mean and variance over the rows of all processes; N may differ between them, and be 0.

    Running statistics move as in ``functional.batch_norm``. Where all have one row, they are used in its place.
    """
    wide = rows.double()  # lest the difference of sums loses the variance
    own = torch.cat([wide.new_tensor([len(rows)]), wide.sum(0), wide.square().sum(0)])
    totals: torch.Tensor = _Sum.apply(own)  # type: ignore[no-untyped-call]
    count, (total, squares) = totals[0], totals[1:].view(2, -1)
    mean = total / count.clamp(min=1)
    variance = (squares / count.clamp(min=1) - mean.square()).clamp(min=0)
    running_mean, running_var = norm.running_mean, norm.running_var
    assert running_mean is not None
    assert running_var is not None
    enough = count > 1
    with torch.no_grad():
        momentum = (norm.momentum or 0.0) * enough
        unbiased = variance * count / (count - 1).clamp(min=1)
        running_mean += momentum * (mean - running_mean)
        running_var += momentum * (unbiased - running_var)
    mean, variance = torch.where(enough, mean, running_mean), torch.where(enough, variance, running_var)
    scale = (variance + norm.eps).rsqrt() * norm.weight
    normalised: torch.Tensor = ((wide - mean) * scale + norm.bias).to(rows.dtype)
    return normalised


class _Sum(torch.autograd.Function):
    """The sum over processes; so is its gradient, since each process's loss is a part of the whole."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - autograd's own
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        total = gradient.clone()
        dist.all_reduce(total)
        return total
