"""Norm clipping: the direction is kept, the length is limited (Pascanu, Mikolov and Bengio, 2013)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, final

import torch

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.thresholds import Threshold, ThresholdChoice

Scope = Literal["global", "layer", "tensor"]


class NormConfig(ClipRuleConfig):
    """Limit the 2-norm N over the scope: g ← g · min(1, c / N). Exact: bit-identical below c, of norm c above."""

    name: Literal["norm"] = "norm"
    threshold: ThresholdChoice
    """The largest norm that a scope may have."""
    scope: Scope = "global"
    """What shares one norm: all gradients, those of one layer, or each tensor on its own."""

    def build(self, seed: int) -> ClipRule:
        return _Norm(self.threshold.build(seed), self.scope)


@final
class _Norm(ClipRule):
    def __init__(self, threshold: Threshold, scope: Scope) -> None:
        self._threshold, self._scope = threshold, scope

    def apply(self, gradients: Gradients) -> Action:
        # A dynamic threshold learns from the largest norm of its scope, the one that it would have to limit.
        members = scope_members(gradients.names, self._scope)
        norms = torch.stack([torch.linalg.vector_norm(gradients.norms[list(m)]) for m in members])
        threshold = self._threshold.next(norms.amax())
        changed = torch.zeros_like(gradients.total)
        for indices, norm in zip(members, norms, strict=True):
            tensors = [gradients.tensors[i] for i in indices]
            # Below the threshold not even a multiplication by one: a strict no-op, and a pass over memory saved.
            if bool(norm > threshold):
                _scale(tensors, threshold / norm)
                changed += sum(t.numel() for t in tensors)
        return Action(threshold, changed / max(1, sum(t.numel() for t in gradients.tensors)))

    def state_dict(self) -> State:
        return self._threshold.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._threshold.load_state_dict(state)


def _scale(tensors: Sequence[torch.Tensor], coefficient: torch.Tensor) -> None:
    """Multiply in place; a coefficient too small for float32 is applied as two roots, so that 1e30 reaches 1e-20."""
    tiny = bool(coefficient < torch.finfo(torch.float32).tiny)
    for factor in [coefficient.sqrt()] * 2 if tiny else [coefficient]:
        torch._foreach_mul_(list(tensors), factor)


def scope_members(names: Sequence[str], scope: Scope) -> list[tuple[int, ...]]:
    """The positions of the tensors that share one norm, scope by scope."""
    if scope == "tensor":
        return [(i,) for i in range(len(names))]
    if scope == "global":
        return [tuple(range(len(names)))] if names else []
    layers: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        layers.setdefault(layer_of(name), []).append(position)
    return [tuple(positions) for positions in layers.values()]


_TORCH_RECURRENT = re.compile(r"(?:weight|bias)_(?:ih|hh|hr)_(l\d+(?:_reverse)?)$")


def layer_of(parameter: str) -> str:
    """The layer that a parameter belongs to: its module; in torch's recurrent modules, the layer and direction."""
    module, _, own = parameter.rpartition(".")
    match = _TORCH_RECURRENT.match(own)
    return f"{module}.{match[1]}" if match else module
