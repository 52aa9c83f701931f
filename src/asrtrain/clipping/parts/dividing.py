"""Norm clipping as optax writes it: in the gradient's own precision, by a division and a multiplication."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipRule, Gradients, State

Divisors = Callable[[Gradients], tuple[torch.Tensor, torch.Tensor]]
"""What every tensor is divided by, and then multiplied by, each (N,) in the gradient's precision."""


@final
class Dividing(ClipRule):
    """g ← g / divisor · factor, tensor by tensor. Without a history: the threshold is fixed."""

    def __init__(self, threshold: float, divisors: Divisors) -> None:
        self._threshold, self._divisors = threshold, divisors

    @property
    def turns(self) -> bool:
        return False

    def apply(self, gradients: Gradients) -> Action:
        divisors, factors = self._divisors(gradients)
        divisors, factors = (torch.where(gradients.finite, n, torch.ones_like(n)) for n in (divisors, factors))
        changed = torch.zeros_like(gradients.total)
        for tensor, divisor, factor in zip(gradients.tensors, divisors.unbind(), factors.unbind(), strict=True):
            tensor.div_(divisor).mul_(factor)
            changed = changed + (divisor != factor) * tensor.numel()
        return Action(torch.full_like(changed, self._threshold), changed / max(1, gradients.size))

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""


def global_norm(threshold: float) -> Divisors:
    """Those of optax's ``clip_by_global_norm``: N and c, where N is not below c."""

    def divisors(gradients: Gradients) -> tuple[torch.Tensor, torch.Tensor]:
        norm = _root(torch.stack([tensor.square().sum() for tensor in gradients.tensors]).sum())
        one, inside = torch.ones_like(norm), norm < threshold
        count = len(gradients.tensors)
        return torch.where(inside, one, norm).expand(count), torch.where(inside, one, threshold).expand(count)

    return divisors


def block_rms(threshold: float) -> Divisors:
    """Those of optax's ``clip_by_block_rms``: max(1, rms / c), and one."""

    def divisors(gradients: Gradients) -> tuple[torch.Tensor, torch.Tensor]:
        means = torch.stack([tensor.square().mean() for tensor in gradients.tensors])
        return (_root(means) / threshold).clamp(min=1), torch.ones_like(means)

    return divisors


def _root(squares: torch.Tensor) -> torch.Tensor:
    """Correctly rounded, as float32's own may not be."""
    return squares.double().sqrt().to(squares.dtype)
