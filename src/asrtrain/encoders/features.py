"""The encoder that leaves features as they are, for what scores these."""

from __future__ import annotations

from typing import Literal, final

import torch

from asrtrain.encoders.interface import Encoder, EncoderConfig


@final
class FeaturesConfig(EncoderConfig):
    """The features as they are."""

    name: Literal["features"] = "features"

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the encoder, which has no weights."""
        return Features(input_size)


@final
class Features(Encoder):
    """(B, T, F) to (B, T, F)."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = input_size

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Hand the batch on."""
        return features, lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T."""
        return lengths
