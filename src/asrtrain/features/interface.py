"""What every front end is: from waveforms to feature frames."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from asrtrain.config import Config
from asrtrain.types import Hertz, Seconds


class FrontEnd(ABC):
    """Waveforms to features, batched; an utterance's features never depend on what it is batched with."""

    sample_rate: Hertz
    feature_size: int
    frame_shift: Seconds

    @abstractmethod
    def __call__(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms (B, S) float32 and lengths (B,) samples to features (B, T, F), zero beyond each length, and
        lengths (B,) frames.
        """

    @abstractmethod
    def frame_counts(self, samples: torch.Tensor) -> torch.Tensor:
        """How many frames come of so many samples, by arithmetic alone."""


class FrontEndConfig(Config, ABC):
    """A front end's settings."""

    name: str
    sample_rate: Hertz

    @abstractmethod
    def build(self) -> FrontEnd:
        """Build the front end."""
