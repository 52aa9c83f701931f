"""What every effect is: a change made to training data at random, all of whose randomness comes from one generator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol

import torch
from pydantic import Field

from asrtrain.config import Config
from asrtrain.types import Audio, Hertz

ReadAudio = Callable[[Path, Hertz], Audio]
"""Decodes a recording at a rate: given from above, since reading is not the front end's business."""

Probability = Annotated[float, Field(ge=0, le=1)]


class WaveformEffect(Protocol):
    """Changes waveforms, and perhaps their lengths."""

    def __call__(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms (B, S), zero beyond each length, and lengths (B,) to the same."""


class EffectConfig(Config, ABC):
    """An effect's settings."""

    @abstractmethod
    def build(self, sample_rate: Hertz, read_audio: ReadAudio | None) -> WaveformEffect:
        """Build the effect for waveforms of this rate. Raises DataError for recordings that cannot be read."""
