"""A deep vanilla recurrent network (Elman, 1990): h_t = f(W x_t + U h_{t-1} + b)."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, final

from pydantic import Field
from torch import nn

from asrtrain.encoders.interface import Encoder, EncoderConfig, Top
from asrtrain.encoders.recurrence import recurrent_layers
from asrtrain.encoders.recurrent import RecurrentEncoder
from asrtrain.encoders.settings import Count, PoolingKind, Probability


def rnn_cell(
    input_size: int,
    hidden_size: int,
    *,
    nonlinearity: Literal["tanh", "relu"],
    recurrent_init_gain: float,
) -> nn.RNN:
    """A one-way vanilla layer; U starts orthogonal, times the gain (Saxe et al., 2014)."""
    layer = nn.RNN(input_size, hidden_size, nonlinearity=nonlinearity, batch_first=True)
    nn.init.orthogonal_(layer.get_parameter("weight_hh_l0"), gain=recurrent_init_gain)
    return layer


@final
class RNNConfig(EncoderConfig):
    """A deep vanilla recurrent network."""

    name: Literal["rnn"] = "rnn"
    hidden_size: Count = 128
    """Units a layer and direction."""
    num_layers: Count = 1
    """Layers, one above the other."""
    bidirectional: bool = False
    """Read every utterance backwards too."""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """The function f of the recurrence; with relu, gradients explode easily."""
    recurrent_init_gain: Annotated[float, Field(gt=0.0)] = 1.0
    """All singular values of the recurrent matrix at the start: below 1 it forgets, above 1 it tends to explode."""
    projection: Count | None = None
    """Project every layer's output linearly to this size; null for none."""
    pooling: PoolingKind = "mean+last"
    """How frames become one vector for classification."""
    dropout: Probability = 0.1
    """Dropout between layers and before the scores."""

    @property
    def top(self) -> Top:
        return Top(self.pooling, self.dropout, glorot=True)

    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the network."""
        layers = recurrent_layers(
            input_size,
            self.hidden_size,
            partial(rnn_cell, nonlinearity=self.nonlinearity, recurrent_init_gain=self.recurrent_init_gain),
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            projection=self.projection,
            dropout=self.dropout,
        )
        return RecurrentEncoder(layers)
