"""Rules that treat the update as others treat the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipRule, Gradients, State, UpdateRule
from asrtrain.clipping.measure import measured_after


@final
class OnUpdates(UpdateRule):
    """Lets rules without a history act on the update, one after the other."""

    def __init__(self, *rules: ClipRule) -> None:
        self._rules = rules

    def apply(self, gradients: Gradients) -> Action:
        return untouched(gradients)

    def limit(self, updates: Gradients) -> Action:
        now, actions = updates, list[Action]()
        for rule in self._rules:
            actions.append(rule.apply(now))
            now = measured_after(actions[-1], now)
        shares = [action.share.double() for action in actions if action.share is not None]
        return Action(actions[-1].threshold, torch.stack(shares).amax() if shares else None, now.norms)

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""


def untouched(gradients: Gradients) -> Action:
    """What a rule answers that leaves the gradients alone."""
    return Action(torch.full_like(gradients.total, float("inf")), None, gradients.norms)
