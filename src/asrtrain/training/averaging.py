"""Averages of weights: an exponential moving one while training, and a plain one over epochs at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import final

import torch
from torch import nn

Weights = dict[str, torch.Tensor]


def weights_of(model: nn.Module) -> Weights:
    """A copy of the model's parameters and buffers on their device, by name."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


@contextmanager
def using(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Lend the model other weights; its own come back afterwards, bit for bit."""
    own = weights_of(model)
    model.load_state_dict(weights)
    try:
        yield
    finally:
        model.load_state_dict(own)


def mean_weights(several: Sequence[Mapping[str, torch.Tensor]]) -> Weights:
    """The mean of every floating-point tensor, in float64 and rounded once; of others, such as counters, the last."""
    last = several[-1]
    return {name: _mean([weights[name] for weights in several]) for name in last}


def _mean(tensors: list[torch.Tensor]) -> torch.Tensor:
    last = tensors[-1]
    if not last.is_floating_point():
        return last.clone()
    return torch.stack([tensor.double() for tensor in tensors]).mean(dim=0).to(last.dtype)


@final
class MovingAverage:
    """The exponential moving average of the weights: a ← d·a + (1−d)·w after every step that was taken.

    The decay of step t is min(d, (1+t)/(10+t)), so that the first weights are soon forgotten (as in TensorFlow's
    ExponentialMovingAverage). Buffers that are no weights (running statistics, counters) are copied; statistics are
    measured again for the averages that are kept (``candidate.py``).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = weights_of(model)
        self._trained = {name for name, _ in model.named_parameters(remove_duplicate=False)}

    @torch.no_grad()
    def update(self, model: nn.Module, steps_taken: int) -> None:
        """Take in the weights after optimiser step number ``steps_taken`` (1 is the first)."""
        decay = min(self.decay, (1 + steps_taken) / (10 + steps_taken))
        for name, tensor in model.state_dict().items():
            if name in self._trained:
                self.weights[name].lerp_(tensor, 1 - decay)
            else:
                self.weights[name].copy_(tensor)

    @torch.no_grad()
    def load(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take back saved averages. Raises KeyError if one is missing."""
        for name, tensor in self.weights.items():
            tensor.copy_(weights[name])
