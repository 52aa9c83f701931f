"""Value clipping: every element on its own (Mikolov, 2012)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, final

import torch

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.thresholds import Threshold, ThresholdChoice


class ValueConfig(ClipRuleConfig):
    """Clamp every element: g_i ← sign(g_i) · min(|g_i|, c). The sign is kept; the direction of the whole is not."""

    name: Literal["value"] = "value"
    threshold: ThresholdChoice
    """The largest magnitude that an element may have."""

    def build(self, seed: int) -> ClipRule:
        return _Value(self.threshold.build(seed))


@final
class _Value(ClipRule):
    def __init__(self, threshold: Threshold) -> None:
        self._threshold = threshold

    def apply(self, gradients: Gradients) -> Action:
        threshold = self._threshold.next(gradients.total)
        changed = torch.zeros_like(gradients.total)
        for tensor in gradients.tensors:
            limit = _representable(threshold, tensor.dtype)
            changed += (tensor.abs() > limit).sum()
            tensor.clamp_(-limit, limit)
        return Action(threshold, changed / max(1, sum(t.numel() for t in gradients.tensors)))

    def state_dict(self) -> State:
        return self._threshold.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._threshold.load_state_dict(state)


def _representable(threshold: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The threshold as the gradient's type can hold it, rounded to nearest and kept in the type's range."""
    return threshold.clamp(max=torch.finfo(dtype).max).to(dtype)
