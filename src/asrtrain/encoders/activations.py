"""The nonlinearities a model may be built with."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from asrtrain.encoders.settings import ActivationName

ACTIVATIONS: dict[ActivationName, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hard_tanh": nn.Hardtanh,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}


def activation(name: ActivationName) -> nn.Module:
    """A new module that applies the nonlinearity to each element."""
    return ACTIVATIONS[name]()
