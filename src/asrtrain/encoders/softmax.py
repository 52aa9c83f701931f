"""Multinomial logistic regression: one linear layer from a window of features to the scores."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.encoders.dropout import Dropout
from asrtrain.encoders.interface import Encoder, EncoderConfig
from asrtrain.encoders.settings import Count, Probability
from asrtrain.encoders.windows import Window


@final
class SoftmaxConfig(EncoderConfig):
    """Logistic regression, the simplest recogniser: what every other model should beat."""

    name: Literal["softmax"] = "softmax"
    frames: Count = 24
    """Classification: every utterance is stretched or squeezed to this many frames."""
    context: Annotated[int, Field(ge=0)] = 5
    """Transcription: each frame is scored with this many neighbours on either side."""
    dropout: Probability = 0.0
    """Dropout on the features."""

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the encoder."""
        window = Window(input_size, per_frame=per_frame, frames=self.frames, context=self.context)
        return Softmax(window, self.dropout)


@final
class Softmax(Encoder):
    """(B, T, F) to (B, T, H), or of whole utterances to (B, 1, H)."""

    def __init__(self, window: Window, dropout: float) -> None:
        super().__init__()
        self.window = window
        self.dropout = Dropout(dropout)
        self.output_size = window.output_size

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode a batch."""
        return self.dropout(self.window(features, lengths)), self.output_lengths(lengths)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T, or one frame for a whole utterance."""
        return self.window.output_lengths(lengths)
