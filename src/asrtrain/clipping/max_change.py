"""Limits on how far one step moves the weights (Kaldi's max-change: Povey et al., ``UpdateNnetWithMaxChange``)."""

from __future__ import annotations

from typing import ClassVar, Literal

from asrtrain.clipping.interface import ClipRule, ClipRuleConfig
from asrtrain.clipping.parts.limits import Alike
from asrtrain.clipping.parts.on_updates import OnUpdates
from asrtrain.clipping.parts.scaling import Scaling
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import UNTOUCHED, Promise
from asrtrain.clipping.thresholds import FixedConfig, Positive


class MaxChangeConfig(ClipRuleConfig):
    """Limit the update Δ: Δ_ℓ ← Δ_ℓ · min(1, c_ℓ / ‖Δ_ℓ‖) for every layer ℓ, then Δ ← Δ · min(1, c / ‖Δ‖).

    Δ is what the optimiser does to the weights, with learning rate, momentum and weight decay. An update that is not
    finite is not applied; Kaldi refuses infinite ones, and applies NaN.
    """

    source: ClassVar = "Kaldi's ``UpdateNnetWithMaxChange``"
    cost: ClassVar = "two passes over updates, a copy of the weights"
    examples: ClassVar = ({}, {"per_layer": 0.01, "total": 0.02})

    name: Literal["max_change"] = "max_change"
    per_layer: Positive = 0.75
    """c_ℓ: how far a step may move the weights of a layer (of a recurrent module: a layer and direction)."""
    total: Positive = 2.0
    """c: how far a step may move all weights together."""

    @property
    def promises(self) -> frozenset[Promise]:
        return UNTOUCHED

    def build(self, seed: int) -> ClipRule:
        layers = Alike(FixedConfig(value=self.per_layer).build(seed))
        whole = Alike(FixedConfig(value=self.total).build(seed))
        return OnUpdates(Scaling(split_by("layer"), layers), Scaling(split_by("global"), whole))
