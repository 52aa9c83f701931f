"""Vocal tract length perturbation: other speakers, imitated by a stretched frequency axis (Jaitly and Hinton, 2013)."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import model_validator

from asrtrain.config import Config, Range
from asrtrain.features.augmentation.draws import chosen, uniform
from asrtrain.features.augmentation.interface import Probability
from asrtrain.features.filterbank import WARPS


class VTLPConfig(Config):
    """Stretches the frequency axis of each utterance by a factor of its own; the front end does it."""

    probability: Probability = 1.0
    """Share of the utterances that are stretched."""
    range: Range = (0.9, 1.1)
    """Factors are drawn from this interval."""

    @model_validator(mode="after")
    def _factors_are_possible(self) -> Self:
        if self.range[0] < WARPS[0] or self.range[1] > WARPS[1]:
            raise ValueError(f"range must lie between {WARPS[0]} and {WARPS[1]}")
        return self

    def draw(self, batch_size: int, generator: torch.Generator) -> torch.Tensor:
        """One factor an utterance (B,)."""
        factors = uniform(batch_size, self.range, generator)
        return torch.where(chosen(batch_size, self.probability, generator), factors, 1.0)[:, 0]
