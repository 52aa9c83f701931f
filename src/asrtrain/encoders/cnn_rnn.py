"""Convolution over time and frequency, then recurrence over time (after Sainath et al., 2015; Amodei et al., 2016)."""

from __future__ import annotations

from typing import Annotated, Literal, Self, final

import torch
from pydantic import Field, model_validator
from torch import nn

from asrtrain.encoders.convolution import ConvStack, FrameNorm, check_halvings
from asrtrain.encoders.dropout import Dropout
from asrtrain.encoders.gru import gru_cell
from asrtrain.encoders.interface import Encoder, EncoderConfig, Top
from asrtrain.encoders.lstm import lstm_cell
from asrtrain.encoders.recurrence import Cell, recurrent_layers
from asrtrain.encoders.settings import ActivationName, Count, Counts, PoolingKind, Probability

CELLS: dict[str, Cell] = {"lstm": lstm_cell, "gru": gru_cell}


@final
class CNNRNNConfig(EncoderConfig):
    """Convolution finds local patterns and lowers the frame rate; recurrence joins them over time."""

    name: Literal["cnn_rnn"] = "cnn_rnn"
    channels: Counts = (16, 32)
    """Channels of each 3x3 convolution; each halves frequency."""
    halve_time: Annotated[int, Field(ge=0)] = 2
    """How many convolutions, from the first, halve the frame rate."""
    feature_maps: Count = 1
    """Treat the features as this many maps on one frequency axis: 3 for static, delta and delta-delta."""
    activation: ActivationName = "relu"
    """The nonlinearity of the convolutions."""
    cell: Literal["lstm", "gru"] = "lstm"
    """The kind of recurrent layer."""
    hidden_size: Count = 128
    """Units a recurrent layer and direction."""
    num_layers: Count = 1
    """Recurrent layers, one above the other."""
    bidirectional: bool = True
    """Read every utterance backwards too."""
    projection: Count | None = None
    """Project every recurrent layer's output linearly to this size; null for none."""
    pooling: PoolingKind = "mean+max"
    """How frames become one vector for classification."""
    dropout: Probability = 0.2
    """Dropout before and between recurrent layers and before the scores."""

    @model_validator(mode="after")
    def _halvings(self) -> Self:
        check_halvings(self.halve_time, self.channels)
        return self

    @property
    def top(self) -> Top:
        return Top(self.pooling, self.dropout, glorot=True)

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the network."""
        return CNNRNN(self, input_size)


@final
class CNNRNN(Encoder):
    """(B, T, F) to (B, T', H) with T' = ceil(T / 2^halve_time)."""

    def __init__(self, config: CNNRNNConfig, input_size: int) -> None:
        super().__init__()
        self.front = ConvStack(
            input_size,
            config.channels,
            halve_time=config.halve_time,
            feature_maps=config.feature_maps,
            kind=config.activation,
        )
        # Maxima of rectified numbers lie far from zero; a recurrent layer that gets them so hardly learns.
        self.centre = FrameNorm(self.front.output_size, nn.Identity())
        self.dropout = Dropout(config.dropout)
        layers = recurrent_layers(
            self.front.output_size,
            config.hidden_size,
            CELLS[config.cell],
            num_layers=config.num_layers,
            bidirectional=config.bidirectional,
            projection=config.projection,
            dropout=config.dropout,
        )
        self.layers = nn.ModuleList(layers)
        self.strides = tuple(self.front.time_factors)
        self.output_size = layers[-1].output_size

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode a batch."""
        frames, lengths = self.front(features, lengths)
        frames = self.dropout(self.centre(frames.transpose(1, 2), lengths).transpose(1, 2))
        for layer in self.layers:
            frames = layer(frames, lengths)
        return frames, lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """ceil(T / 2^halve_time)."""
        return self.front.output_lengths(lengths)
