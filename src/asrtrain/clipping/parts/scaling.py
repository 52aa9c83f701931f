"""Rules that multiply every block of gradients by a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipRule, Gradients, State
from asrtrain.clipping.parts.blocks import Block
from asrtrain.clipping.parts.limits import Limits
from asrtrain.clipping.parts.scopes import Splitter

Coefficient = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From norm and limit, the number to multiply by; it must be 1 for an infinite limit, and finite always."""


def shorten(norm: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """min(1, limit / norm): exactly 1 up to the limit."""
    return torch.where(norm > limit, limit / norm, torch.ones_like(norm))


@final
class Scaling(ClipRule):
    """g ← g · coefficient(norm, limit), block by block. ``measure`` says what norm a block has."""

    def __init__(
        self,
        split: Splitter,
        limits: Limits,
        coefficient: Coefficient = shorten,
        measure: Callable[[Block], torch.Tensor] = Block.norm,
    ) -> None:
        self._split, self._limits, self._coefficient, self._measure = split, limits, coefficient, measure

    def apply(self, gradients: Gradients) -> Action:
        norms: torch.Tensor | None = gradients.norms.clone()
        largest, changed = torch.zeros_like(gradients.total), torch.zeros_like(gradients.total)
        for block in self._split(gradients):
            norm = self._measure(block)
            limit = self._limits.next(block, norm)
            coefficient = self._coefficient(norm, limit)
            changed += block.scale(coefficient)
            largest = torch.maximum(largest, limit.amax())
            norms = _scaled(norms, block, coefficient)
        return Action(largest, changed / max(1, gradients.size), norms)

    def state_dict(self) -> State:
        return self._limits.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._limits.load_state_dict(state)


def _scaled(norms: torch.Tensor | None, block: Block, coefficient: torch.Tensor) -> torch.Tensor | None:
    """The norms after a block was scaled: known without a second look unless parts of tensors were scaled.

    Half precision rounds so coarsely that the product would not be the norm; that is measured.
    """
    if norms is None or not block.positions or any(t.element_size() < 4 for t in block.tensors):
        return None
    norms[list(block.positions)] *= coefficient
    return norms
