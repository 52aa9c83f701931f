"""The layer of scores above an encoder."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from asrtrain.encoders.dropout import Dropout
from asrtrain.encoders.interface import Top
from asrtrain.encoders.linear import Linear
from asrtrain.encoders.pooling import pool, pooled_parts
from asrtrain.types import Frames, Scores


@final
class Output(nn.Module):
    """Dropout and a linear layer, after pooling over time unless every frame is to be scored.

    Hidden frames (B, T', H) to logits (B, V), or (B, T', V) when ``per_frame``.
    """

    def __init__(self, input_size: int, output_size: int, top: Top, *, per_frame: bool) -> None:
        super().__init__()
        self.per_frame = per_frame
        self.pooling = None if per_frame else top.pooling
        self.dropout = Dropout(top.dropout)
        self.linear = Linear(input_size * (1 if self.pooling is None else pooled_parts(self.pooling)), output_size)
        if per_frame and top.glorot:
            # CTC learns nothing but the blank while all frames score alike. Of few symbols these weights are four times
            # as large as torch's own (Glorot and Bengio, 2010, with the gain for what has been through tanh).
            nn.init.xavier_uniform_(self.linear.weight, nn.init.calculate_gain("tanh"))
            nn.init.zeros_(self.linear.bias)

    def forward(self, frames: Frames) -> Scores:
        """Score the frames, or the utterances."""
        return Scores(self.linear(self.dropout(self._pooled(frames))), frames.lengths)

    def _pooled(self, frames: Frames) -> torch.Tensor:
        if self.per_frame:
            return frames.values
        # The encoder of a whole utterance has left one frame.
        return frames.values[:, 0] if self.pooling is None else pool(self.pooling, frames.values, frames.lengths)
