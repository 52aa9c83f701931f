"""The module behind the recurrent encoders: recurrent layers, one above the other."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from asrtrain.encoders.interface import Encoder
from asrtrain.encoders.recurrence import RecurrentLayer


@final
class RecurrentEncoder(Encoder):
    """Runs the layers one after the other: (B, T, F) to (B, T, H)."""

    def __init__(self, layers: list[RecurrentLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.output_size = layers[-1].output_size

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode a batch."""
        frames = features
        for layer in self.layers:
            frames = layer(frames, lengths)
        return frames, lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T: there is a hidden frame for each."""
        return lengths
