"""The module behind the recurrent models: recurrent layers and a head."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from asrtrain.models.heads import Head
from asrtrain.models.interface import AcousticModel
from asrtrain.models.recurrence import RecurrentLayer
from asrtrain.types import Scores


@final
class RecurrentModel(AcousticModel):
    """Runs the layers one after the other and scores what comes out: (B, T, F) to (B, V), or (B, T, V)."""

    def __init__(self, layers: list[RecurrentLayer], head: Head) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.head = head

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """Score a batch."""
        frames = features
        for layer in self.layers:
            frames = layer(frames, lengths)
        scores: Scores = self.head(frames, lengths)
        return scores

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T: every frame is scored."""
        return lengths
