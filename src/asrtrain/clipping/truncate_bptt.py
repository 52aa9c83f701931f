"""Truncated backpropagation through time: gradients go back no further than to the beginning of a piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch
from torch import nn

from asrtrain.clipping.interface import Action, Gradients, InsideRule, State
from asrtrain.clipping.parts.inside import Counter
from asrtrain.clipping.parts.pieces import Link, link


@final
class TruncatedBPTT(InsideRule):
    """Hands recurrent layers' state on without its history after every ``frames`` frames; values stay the same."""

    def __init__(self, frames: int) -> None:
        self._frames, self._counter = frames, Counter()

    def attach(self, model: nn.Module) -> Callable[[], None]:
        return link(model, "truncate of: bptt", Link(self._frames, self._cut))

    def _cut(self, state: torch.Tensor) -> torch.Tensor:
        every = torch.ones((), dtype=torch.bool, device=state.device)
        self._counter.add(every, every)
        return state.detach()

    def apply(self, gradients: Gradients) -> Action:
        return self._counter.report(gradients, float("inf"))

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""
