"""The module behind the recurrent models: stacked frames, recurrent layers, a head."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from asrtrain.models.heads import Head
from asrtrain.models.interface import AcousticModel
from asrtrain.models.masking import subsampled
from asrtrain.models.recurrence import RecurrentLayer, stack_frames
from asrtrain.types import Scores


@final
class RecurrentModel(AcousticModel):
    """Puts ``stack`` frames side by side, runs the layers, scores what comes out."""

    def __init__(self, stack: int, layers: list[RecurrentLayer], head: Head) -> None:
        super().__init__()
        self.stack = stack
        self.layers = nn.ModuleList(layers)
        self.head = head

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """Score a batch: (B, T, F) to (B, V), or (B, ceil(T / stack), V)."""
        frames, lengths = stack_frames(features, lengths, self.stack)
        for layer in self.layers:
            frames = layer(frames, lengths)
        scores: Scores = self.head(frames, lengths)
        return scores

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(T / stack)."""
        return subsampled(lengths, self.stack)
