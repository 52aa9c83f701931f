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
    wide = rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows
    running_mean, running_var = norm.running_mean, norm.running_var
    assert running_mean is not None
    assert running_var is not None
    with torch.no_grad():
        count, mean, variance = _of_all(wide)
        enough = count > 1
        momentum = (norm.momentum or 0.0) * enough
        running_mean += momentum * (mean - running_mean)
        running_var += momentum * (variance * count / (count - 1).clamp(min=1) - running_var)
        mean, variance = torch.where(enough, mean, running_mean), torch.where(enough, variance, running_var)
        share = enough / count.clamp(min=1)
    scale = (variance + norm.eps).rsqrt()
    normalised: torch.Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
        wide, norm.weight, norm.bias, mean.to(wide.dtype), scale.to(wide.dtype), share
    )
    return normalised.to(rows.dtype)


def _of_all(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The number (), mean (C,) and biased variance (C,) of the rows of all processes, in double precision.

    Σ (x − m)² = Σ_ranks N_r (v_r + m_r²) − N m²; the differences of large squares are of doubles, which forgives them.
    """
    mean = variance = rows.new_zeros(rows.shape[1], dtype=torch.float64)
    if len(rows):
        own_mean = rows.mean(0)  # more exact than batch normalisation's own kernel, which adds up row after row
        mean, variance = own_mean.double(), (rows - own_mean).square_().mean(0).double()
    total = len(rows) * torch.cat([mean.new_ones(1), mean, variance + mean.square()])
    dist.all_reduce(total)
    count, (mean, squares) = total[0], total[1:].view(2, -1) / total[0].clamp(min=1)
    return count, mean, (squares - mean.square()).clamp(min=0)


class _Normalise(torch.autograd.Function):
    """(x − mean) · scale · weight + bias, mean and scale being functions of the rows of all processes.

    Each process's loss is a part of the whole, so the gradient of mean and scale is summed over all. With x̂ normalised,
    that of x is weight · scale · (g − Σ g / N − x̂ Σ g x̂ / N), both sums over all N rows (Ioffe & Szegedy, 2015).
    """

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd names none
        ctx: Any,  # noqa: ANN401 - autograd's own
        rows: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        mean: torch.Tensor,
        scale: torch.Tensor,
        share: torch.Tensor,
    ) -> torch.Tensor:
        ctx.save_for_backward(rows, weight, mean, scale, share)
        slope = scale * weight
        return torch.addcmul(bias - mean * slope, rows, slope)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        rows, weight, mean, scale, share = ctx.saved_tensors
        of_rows, of_weight, of_bias = torch.zeros_like(rows), torch.zeros_like(weight), torch.zeros_like(weight)
        if len(rows):
            of_rows, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
                gradient.contiguous(), rows, weight, None, None, mean, scale, True, 0.0, [True, True, True]
            )
        own = torch.stack([of_bias, of_weight]).double()
        total = own.clone()
        dist.all_reduce(total)
        # The kernel has taken off the means over this process's rows, where those over all are meant.
        excess = own / max(1, len(rows)) - total * share
        slope = weight * scale * scale * excess[1]
        offset = weight * scale * excess[0] - slope * mean
        of_rows = of_rows.addcmul_(rows, slope.to(rows.dtype)).add_(offset.to(rows.dtype))
        return of_rows, of_weight, of_bias, None, None, None
