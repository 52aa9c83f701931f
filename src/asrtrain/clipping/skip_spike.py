"""Skipping steps whose gradient sticks out (OLMo-core's SkipStepOptimizer, without its flaws)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.parts.scaling import scale_tensors, shorten
from asrtrain.clipping.promises import Promise
from asrtrain.clipping.thresholds import Threshold, ThresholdChoice, ZScoreConfig


class SkipSpikeConfig(ClipRuleConfig):
    """Skip a step whose norm exceeds the threshold: g ← 0, and ``ClipReport.skip`` tells the loop to take no step.

    It cannot lock: after ``patience`` steps skipped in a row, the next one is clipped to the threshold instead. Put it
    before the other rules: they do not see a skipped step.
    """

    source: ClassVar = "OLMo-core's SkipStep optimisers"
    cost: ClassVar = "one pass where it clips, none where it does not"
    examples: ClassVar = ({}, {"threshold": 0.5}, {"threshold": {"name": "dynamic", "warmup": 3}, "patience": 2})

    name: Literal["skip_spike"] = "skip_spike"
    threshold: ThresholdChoice = ZScoreConfig(z=6.0, decay=0.99, warmup=64)
    """The largest norm of a step that is taken."""
    patience: Annotated[int, Field(ge=1)] = 5
    """How many steps in a row may be skipped."""

    @property
    def promises(self) -> frozenset[Promise]:
        # A skipped gradient is gone on purpose, and to skip or not to skip is the host's decision: it looks.
        kept = {Promise.NO_OP, Promise.BOUND, Promise.IDEMPOTENT, Promise.PARTITION, Promise.ZERO}
        return frozenset(kept)

    def build(self, seed: int) -> ClipRule:
        return _SkipSpike(self.threshold.build(seed), self.patience)


@final
class _SkipSpike(ClipRule):
    def __init__(self, threshold: Threshold, patience: int) -> None:
        self._threshold, self._patience, self._streak = threshold, patience, 0

    def apply(self, gradients: Gradients) -> Action:
        threshold = self._threshold.next(gradients.total)
        spike = bool(gradients.total > threshold)
        skip = spike and self._streak < self._patience
        self._streak = self._streak + 1 if skip else 0
        coefficient = torch.zeros_like(threshold) if skip else shorten(gradients.total, threshold)
        return replace(scale_tensors(gradients, coefficient.expand(len(gradients.names)), threshold), skip=skip)

    @property
    def turns(self) -> bool:
        return False

    @property
    def takes_shards(self) -> bool:
        return True

    def estimates(self) -> Mapping[str, torch.Tensor]:
        return self._threshold.estimates()

    def state_dict(self) -> State:
        threshold = {f"threshold.{key}": value for key, value in self._threshold.state_dict().items()}
        return {"streak": torch.tensor(self._streak), **threshold}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._streak = int(state["streak"])
        own = "threshold."
        self._threshold.load_state_dict({k.removeprefix(own): v for k, v in state.items() if k.startswith(own)})
