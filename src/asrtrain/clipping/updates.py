"""What an optimiser step did to the weights: measured, limited, and undone where it is not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch

from asrtrain.clipping.interface import Gradients, UpdateReport, UpdateRule
from asrtrain.clipping.measure import measure, measured_after, tensor_norms, total_norm
from asrtrain.clipping.parts.slices import slices
from asrtrain.clipping.sharded import Shards


@final
class WeightsBefore:
    """A copy of the weights, or with ``shards`` of this process's, from before a step. `limit` or `measure` uses it up.

    Rules on updates want whole weights.
    """

    @torch.no_grad()
    def __init__(self, named: Sequence[tuple[str, torch.Tensor]], shards: Shards | None = None) -> None:
        self._shards = shards
        self._names = tuple(name for name, _ in named)
        self._weights = [parameter.detach() for _, parameter in named]
        self._parameters = [parameter for _, parameter in named]
        self._kept = [weight.clone() for weight in self._weights]

    def left(self) -> bool:
        """Whether the weights are other ones by now."""
        return any(not torch.equal(now, kept) for now, kept in zip(self._weights, self._kept, strict=True))

    @torch.no_grad()
    def measure(self) -> UpdateReport:
        """How far the weights have moved."""
        weight_norm = _together(self._kept, self._shards)
        if self._kept:
            torch._foreach_sub_(self._kept, self._weights)
        moved = _together(self._kept, self._shards)
        return UpdateReport(moved, moved, weight_norm, torch.zeros_like(moved, dtype=torch.bool))

    @torch.no_grad()
    def limit(self, rules: Sequence[UpdateRule], optimizer: torch.optim.Optimizer) -> UpdateReport:
        """Let rules limit how far the weights have moved, in order; take all back if that is not finite.

        Weights whose update no rule has changed stay as the optimiser left them, bit for bit. When the update is
        taken back, the optimiser begins afresh with those parameters that would have become infinite or NaN.
        """
        wanted = self._updates()
        weight_norm = _together(self._kept)
        if not bool(torch.isfinite(wanted.total)):
            torch._foreach_copy_(self._weights, self._kept)
            _begin_afresh(optimizer, wanted, self._parameters)
            nothing = torch.zeros_like(wanted.total)
            return UpdateReport(wanted.total, nothing, weight_norm, torch.ones_like(nothing, dtype=torch.bool))
        now, clipped = wanted, torch.zeros_like(wanted.total, dtype=torch.bool)
        for rule in rules:
            action = rule.limit(now)
            now = measured_after(action, now)
            clipped = clipped if action.share is None else clipped | (action.share > 0)
        if bool(clipped):
            self._write(now)
        return UpdateReport(wanted.total, now.total, weight_norm, clipped)

    def _updates(self) -> Gradients:
        """The changes of the weights, as if they were the gradients of the weights before."""
        for kept, now in zip(self._kept, self._weights, strict=True):
            kept.grad = now - kept
        return measure(zip(self._names, self._kept, strict=True))

    def _write(self, updates: Gradients) -> None:
        for weight, kept, update in zip(self._weights, self._kept, updates.tensors, strict=True):
            for now, before, change in slices(weight, kept.detach(), update):
                now.copy_(torch.where(change == now - before, now, before + change))


def _together(tensors: Sequence[torch.Tensor], shards: Shards | None = None) -> torch.Tensor:
    """The 2-norm of all tensors, () float64."""
    return total_norm(tensor_norms(tensors, shards))


def _begin_afresh(optimizer: torch.optim.Optimizer, updates: Gradients, parameters: Sequence[torch.Tensor]) -> None:
    """Zero the moments of every parameter whose update is not finite: they would spoil all updates to come."""
    for norm, parameter in zip(updates.norms.tolist(), parameters, strict=True):
        moments = [m for m in optimizer.state.get(parameter, {}).values() if _is_moment(m, parameter)]
        if not math.isfinite(norm) and moments:
            torch._foreach_zero_(moments)


def _is_moment(value: object, parameter: torch.Tensor) -> bool:
    return isinstance(value, torch.Tensor) and value.shape == parameter.shape and value.is_floating_point()
