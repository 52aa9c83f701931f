"""What every acoustic model is: a configuration that builds it, and a module from features to scores."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from asrtrain.config import Config
from asrtrain.types import Scores


class AcousticModel(nn.Module, ABC):
    """Features to scores. Padding never changes an utterance's scores."""

    @abstractmethod
    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """Score a batch: features (B, T, F) and lengths (B,) to logits (B, V), or (B, T', V) with lengths (B,)."""

    @property
    def stride(self) -> int:
        """Feature frames from one scored frame to the next: T' is T divided by it, rounded up."""
        return 1

    @abstractmethod
    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """How many scored frames T' come of ``lengths`` feature frames, by arithmetic alone (int64, same shape)."""


class ModelConfig(Config, ABC):
    """A model's settings.

    ``per_frame`` asks for (B, T', V) scores (transcription) in place of (B, V) (classification).
    """

    name: str

    @abstractmethod
    def build(self, input_size: int, output_size: int, *, per_frame: bool) -> AcousticModel:
        """Build the model for F = ``input_size`` and V = ``output_size``, initialised from torch's global generator."""
