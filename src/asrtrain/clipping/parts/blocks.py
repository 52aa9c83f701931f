"""Blocks: gradients that share a norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import torch

Apart = Literal["whole", "rows", "elements"]


@final
@dataclass(frozen=True, slots=True)
class Block:
    """Gradients that share a norm, or one tensor whose rows or elements have one each.

    tensors and weights, the parameters they belong to, run in parallel. positions are those of the tensors among all
    gradients and known (N,) their 2-norms; both are empty where the tensors are parts of gradients.
    """

    name: str
    tensors: tuple[torch.Tensor, ...]
    weights: tuple[torch.Tensor, ...]
    positions: tuple[int, ...] = ()
    known: torch.Tensor | None = None
    apart: Apart = "whole"

    def norm(self, order: float = 2.0) -> torch.Tensor:
        """The p-norm as float64: (), or one for every row or element, in a shape that multiplies the tensor."""
        if order == 2 and self.known is not None:
            norm: torch.Tensor = torch.linalg.vector_norm(self.known)
            return norm
        return _norm(self.tensors, self.apart, order)

    def weight_norm(self) -> torch.Tensor:
        """The 2-norm of the parameters, in the shape of `norm`."""
        return _norm(self.weights, self.apart, 2.0)

    @property
    def size(self) -> int:
        """How many elements share a norm."""
        if self.apart == "whole":
            return sum(tensor.numel() for tensor in self.tensors)
        return self.tensors[0][0].numel() if self.apart == "rows" else 1

    def scale(self, coefficient: torch.Tensor) -> torch.Tensor:
        """Multiply in place by a coefficient shaped like `norm`; returns how many elements that changed, ().

        Where the coefficient is one not even a multiplication is done: a strict no-op, and a pass over memory saved.
        """
        changed = (coefficient != 1).sum() * self.size
        if bool(changed == 0):
            return changed
        if self.apart == "whole":
            # A coefficient too small for float32 is applied as two roots, so that 1e30 reaches 1e-20.
            tiny = bool(coefficient < torch.finfo(torch.float32).tiny)
            for factor in [coefficient.sqrt()] * 2 if tiny else [coefficient]:
                torch._foreach_mul_(list(self.tensors), factor)
        else:
            self.tensors[0].mul_(coefficient)
        return changed


def _norm(tensors: Sequence[torch.Tensor], apart: Apart, order: float) -> torch.Tensor:
    if apart == "elements":
        return tensors[0].abs().double()
    if apart == "rows":
        (tensor,) = tensors
        rows: torch.Tensor = torch.linalg.vector_norm(tensor.detach().flatten(1), order, dim=1, dtype=torch.float64)
        return rows.reshape(-1, *[1] * (tensor.ndim - 1))
    # The largest magnitude is exact in any precision; sums are not.
    precision = None if order == float("inf") else torch.float64
    each = torch._foreach_norm([tensor.detach() for tensor in tensors], order, dtype=precision)
    norm: torch.Tensor = torch.linalg.vector_norm(torch.stack([one.double() for one in each]), order)
    return norm
