"""Blocks: gradients that share a norm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, final

import torch

from asrtrain.clipping.interface import Gradients
from asrtrain.clipping.measure import tensor_norms
from asrtrain.clipping.parts.looking import free_to_look
from asrtrain.clipping.sharded import Shards

Apart = Literal["whole", "rows", "elements"]


@final
@dataclass(frozen=True)
class Block:
    """Gradients that share a norm, or one tensor whose rows or elements have one each.

    tensors, positions and weights run in parallel: gradients, their places among ``gradients``, and the parameters they
    belong to. With ``part`` they are only a part of what lies at those places.
    """

    name: str
    tensors: tuple[torch.Tensor, ...]
    weigh: Callable[[], tuple[torch.Tensor, ...]]
    gradients: Gradients
    positions: tuple[int, ...]
    apart: Apart = "whole"
    part: bool = False

    @cached_property
    def weights(self) -> tuple[torch.Tensor, ...]:
        """The parameters."""
        return self.weigh()

    def norm(self, order: float = 2.0) -> torch.Tensor:
        """The p-norm as float64: (), or one for every row or element, in a shape that multiplies the tensor."""
        if order == 2 and self.is_everything:
            return self.gradients.total
        if self.apart == "whole" and not self.part and order in (2.0, float("inf")):
            known = self.gradients.norms if order == 2 else self.gradients.peaks
            return _joined(known, self.positions, order)
        return _norm(self.tensors, self.apart, order, self.gradients.shards)

    def weight_norm(self) -> torch.Tensor:
        """The 2-norm of the parameters, in the shape of `norm`."""
        return _norm(self.weights, self.apart, 2.0, self.gradients.shards)

    @property
    def is_everything(self) -> bool:
        """Whether all gradients share the norm."""
        return self.apart == "whole" and not self.part and len(self.positions) == len(self.gradients.names)

    @property
    def size(self) -> int:
        """How many elements share a norm."""
        if self.apart == "whole":
            sizes = self.gradients.sizes
            return sum(t.numel() for t in self.tensors) if self.part else sum(sizes[i] for i in self.positions)
        return self.tensors[0][0].numel() if self.apart == "rows" else 1


def _joined(known: torch.Tensor, positions: tuple[int, ...], order: float) -> torch.Tensor:
    """The norm of the tensors at these positions, from the norms of them all."""
    if len(positions) == 1:
        return known[positions[0]]
    chosen = known if len(positions) == len(known) else torch.stack([known[i] for i in positions])
    norm: torch.Tensor = torch.linalg.vector_norm(chosen, order)
    return norm


def _norm(tensors: Sequence[torch.Tensor], apart: Apart, order: float, shards: Shards | None) -> torch.Tensor:
    if apart == "elements":
        return tensors[0].abs().double()
    if apart == "rows":
        return _row_norms(tensors[0].detach(), order)
    detached = [tensor.detach() for tensor in tensors]
    if order == 2:
        each = tensor_norms(detached, shards)
    elif shards:
        each = shards.norms(detached, order)
    else:
        # The largest magnitude is exact in any precision; sums are not.
        precision = None if order == float("inf") else torch.float64
        each = torch.stack([one.double() for one in torch._foreach_norm(detached, order, dtype=precision)])
    norm: torch.Tensor = torch.linalg.vector_norm(each, order)
    return norm


def _row_norms(tensor: torch.Tensor, order: float) -> torch.Tensor:
    """In the tensor's own precision if that is float32 and sufficed."""
    flat = tensor.flatten(1)
    quick = free_to_look(tensor) and tensor.dtype == torch.float32 and order == 2
    rows: torch.Tensor = torch.linalg.vector_norm(flat, order, dim=1, dtype=torch.float32 if quick else torch.float64)
    if quick and not _moderate(rows):  # see tensor_norms
        rows = torch.linalg.vector_norm(flat, order, dim=1, dtype=torch.float64)
    return rows.double().reshape(-1, *[1] * (tensor.ndim - 1))


def _moderate(norms: torch.Tensor) -> bool:
    least, most = torch.aminmax(norms)
    return float(least) > 1e-15 and float(most) < float("inf")
