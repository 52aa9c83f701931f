"""A multi-layer perceptron over a window of features (Rumelhart et al., 1986)."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch import nn

from asrtrain.encoders.activations import activation
from asrtrain.encoders.dropout import Dropout
from asrtrain.encoders.interface import Encoder, EncoderConfig
from asrtrain.encoders.settings import ActivationName, Count, Counts, Probability
from asrtrain.encoders.windows import Window


@final
class MLPConfig(EncoderConfig):
    """A multi-layer perceptron."""

    name: Literal["mlp"] = "mlp"
    hidden_sizes: Counts = (256, 256)
    """Units of each hidden layer."""
    activation: ActivationName = "relu"
    """The nonlinearity."""
    dropout: Probability = 0.3
    """Dropout after every hidden layer."""
    frames: Count = 24
    """Classification: every utterance is stretched or squeezed to this many frames."""
    context: Annotated[int, Field(ge=0)] = 5
    """Transcription: each frame is scored with this many neighbours on either side."""

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the network."""
        window = Window(input_size, per_frame=per_frame, frames=self.frames, context=self.context)
        return MLP(self, window)


@final
class HiddenLayer(nn.Module):
    """Linear, nonlinearity, dropout: (..., input_size) to (..., output_size)."""

    def __init__(self, input_size: int, output_size: int, nonlinearity: nn.Module, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, output_size)
        self.nonlinearity = nonlinearity
        self.dropout = Dropout(dropout)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """One layer up."""
        outputs: torch.Tensor = self.dropout(self.nonlinearity(self.linear(inputs)))
        return outputs


@final
class MLP(Encoder):
    """(B, T, F) to (B, T, H), or of whole utterances to (B, 1, H)."""

    def __init__(self, config: MLPConfig, window: Window) -> None:
        super().__init__()
        self.window = window
        sizes = (window.output_size, *config.hidden_sizes)
        self.layers = nn.ModuleList(
            HiddenLayer(below, here, activation(config.activation), config.dropout)
            for below, here in zip(sizes, config.hidden_sizes, strict=False)
        )
        self.output_size = config.hidden_sizes[-1]

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode a batch."""
        hidden = self.window(features, lengths)
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden, self.output_lengths(lengths)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T, or one frame for a whole utterance."""
        return self.window.output_lengths(lengths)
