"""Norms of gradients that are spread over processes: each holds a part of every tensor, or none of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import torch
import torch.distributed as dist

from asrtrain.errors import UsageError


@final
class Shards:
    """Says that this process holds shards of tensors, and brings together what is measured of them.

    All processes of ``group`` ask for the same things in the same order.
    """

    def __init__(self, sizes: Mapping[str, int], group: dist.ProcessGroup | None = None) -> None:
        """``sizes`` are the numbers of elements of the whole tensors, by their names."""
        self._sizes, self._group = dict(sizes), group

    def sizes(self, names: Sequence[str]) -> tuple[int, ...]:
        """How many elements each whole tensor has."""
        return tuple(self._sizes[name] for name in names)

    def sum(self, numbers: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        total = numbers.clone()
        dist.all_reduce(total, group=self._group)
        return total

    def norms(self, shards: Sequence[torch.Tensor], p: float) -> torch.Tensor:
        """The p-norm of every whole tensor, (N,) float64; see `sharded_norms`."""
        return sharded_norms(shards, p, self._group)


def sharded_norms(
    shards: Sequence[torch.Tensor], p: float = 2.0, group: dist.ProcessGroup | None = None
) -> torch.Tensor:
    """The p-norm of every whole tensor, (N,) float64, from this process's shards of them.

    All processes of ``group`` call it with as many shards in the same order; shards may differ in size and be empty,
    and together hold every element once. ‖g‖_p = (Σ_ranks Σ_i |g_i|^p)^(1/p) = M · (Σ_ranks ‖g_rank / M‖_p^p)^(1/p),
    M being the largest element anywhere, so that no finite gradient overflows; ‖g‖_∞ = M. A shard that is not finite
    makes the norm of its tensor so, and no other, on all processes. Raises UsageError for p ≤ 0.
    """
    if not p > 0:
        raise UsageError(f"p: there is no norm of order {p}; use a positive number, or inf")
    if not shards:
        return torch.zeros(0, dtype=torch.float64)
    peaks = torch.stack([_peak(shard) for shard in shards])
    broken = (~torch.isfinite(peaks)).double()
    marks = torch.stack([torch.nan_to_num(peaks, 0.0, 0.0, 0.0), broken])
    dist.all_reduce(marks, dist.ReduceOp.MAX, group=group)  # of plain numbers: NaN has no place in an order
    largest, broken = marks
    if math.isinf(p):
        norms = largest
    else:
        scale = largest.where(largest > 0, 1.0)
        powers = torch.stack([_power(shard, one, p) for shard, one in zip(shards, scale, strict=True)])
        dist.all_reduce(powers, group=group)
        norms = largest * powers.pow(1 / p)
    return torch.where(broken == 0, norms, torch.nan)


def sharded_total(
    shards: Sequence[torch.Tensor], p: float = 2.0, group: dist.ProcessGroup | None = None
) -> torch.Tensor:
    """The p-norm of all tensors together, () float64; see `sharded_norms`."""
    total: torch.Tensor = torch.linalg.vector_norm(sharded_norms(shards, p, group), p)
    return total


def _peak(shard: torch.Tensor) -> torch.Tensor:
    """The largest magnitude, () float64; NaN if there is one."""
    return shard.abs().max().double() if shard.numel() else torch.zeros((), dtype=torch.float64, device=shard.device)


def _power(shard: torch.Tensor, scale: torch.Tensor, p: float) -> torch.Tensor:
    """Σ |g_i / scale|^p, () float64."""
    return (torch.nan_to_num(shard.double(), 0.0, 0.0, 0.0) / scale).abs().pow(p).sum()
