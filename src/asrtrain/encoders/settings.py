"""The kinds of number that models are configured with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

Count = Annotated[int, Field(gt=0)]
"""How many: layers, units, channels, frames."""

Counts = Annotated[tuple[Count, ...], Strict(False), Field(min_length=1)]
"""A list of counts, one a layer."""

Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
"""A dropout probability."""

PoolingKind = Literal["mean", "max", "last", "mean+max", "mean+last"]
"""How the frames of an utterance become one vector."""

ActivationName = Literal[
    "relu", "leaky_relu", "elu", "gelu", "silu", "mish", "hard_tanh", "tanh", "sigmoid", "softplus", "identity"
]
"""The name of a nonlinearity in ``ACTIVATIONS``."""
