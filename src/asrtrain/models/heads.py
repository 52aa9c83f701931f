"""The last layer of every deep model: from hidden frames to scores."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from asrtrain.models.dropout import Dropout
from asrtrain.models.linear import Linear
from asrtrain.models.pooling import pool, pooled_parts
from asrtrain.models.settings import PoolingKind
from asrtrain.types import Scores


@final
class Head(nn.Module):
    """Dropout and a linear layer, after pooling over time unless every frame is to be scored.

    Hidden frames (B, T, H) and lengths (B,) to logits (B, V), or (B, T, V) when ``per_frame``.
    """

    def __init__(
        self, input_size: int, output_size: int, *, per_frame: bool, pooling: PoolingKind, dropout: float
    ) -> None:
        super().__init__()
        self.pooling = None if per_frame else pooling
        self.dropout = Dropout(dropout)
        self.linear = Linear(input_size * (1 if per_frame else pooled_parts(pooling)), output_size)
        if per_frame:
            # CTC learns nothing but the blank while all frames score alike. Of few symbols these weights are four times
            # as large as torch's own (Glorot and Bengio, 2010, with the gain for what has been through tanh).
            nn.init.xavier_uniform_(self.linear.weight, nn.init.calculate_gain("tanh"))
            nn.init.zeros_(self.linear.bias)

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """Score the frames, or the utterances."""
        hidden = frames if self.pooling is None else pool(self.pooling, frames, lengths)
        return Scores(self.linear(self.dropout(hidden)), lengths)
