"""No clipping: the gradients are measured and left as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, final

import torch

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.parts.on_updates import untouched
from asrtrain.clipping.promises import UNTOUCHED, Promise


class NoneConfig(ClipRuleConfig):
    """Clip nothing: g ← g."""

    source: ClassVar = "what the others are compared with"
    cost: ClassVar = "nothing"
    examples: ClassVar = ({},)

    name: Literal["none"] = "none"

    @property
    def promises(self) -> frozenset[Promise]:
        return UNTOUCHED | {Promise.NO_SYNC}

    def build(self, seed: int) -> ClipRule:
        return _Nothing()


@final
class _Nothing(ClipRule):
    @property
    def turns(self) -> bool:
        return False

    @property
    def takes_shards(self) -> bool:
        return True

    def apply(self, gradients: Gradients) -> Action:
        return untouched(gradients)

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Nothing to take back."""
