"""Multinomial logistic regression: one linear layer from a window of features to the scores."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch import nn

from asrtrain.models.dropout import Dropout
from asrtrain.models.interface import AcousticModel, ModelConfig
from asrtrain.models.settings import Count, Probability
from asrtrain.models.windows import Window
from asrtrain.types import Scores


@final
class SoftmaxConfig(ModelConfig):
    """Logistic regression, the simplest recogniser: what every other model should beat."""

    name: Literal["softmax"] = "softmax"
    frames: Count = 24
    """Classification: every utterance is stretched or squeezed to this many frames."""
    context: Annotated[int, Field(ge=0)] = 5
    """Transcription: each frame is scored with this many neighbours on either side."""
    dropout: Probability = 0.0
    """Dropout on the features."""

    def build(self, input_size: int, output_size: int, *, per_frame: bool) -> AcousticModel:
        """Build the model."""
        window = Window(input_size, per_frame=per_frame, frames=self.frames, context=self.context)
        return Softmax(window, output_size, self.dropout)


@final
class Softmax(AcousticModel):
    """(B, T, F) to (B, V), or to (B, T, V)."""

    def __init__(self, window: Window, output_size: int, dropout: float) -> None:
        super().__init__()
        self.window = window
        self.dropout = Dropout(dropout)
        self.linear = nn.Linear(window.output_size, output_size)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """Score a batch."""
        return Scores(self.linear(self.dropout(self.window(features, lengths))), lengths)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T: no frame is left out."""
        return lengths
