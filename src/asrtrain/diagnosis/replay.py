"""Making a step's forward and backward pass again, and leaving no trace of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import nn

from asrtrain.clipping.measure import tensor_norms, total_norm
from asrtrain.recogniser import Recogniser
from asrtrain.training.injection import Planted, nothing_planted
from asrtrain.training.trace import generator_states, set_generators
from asrtrain.types import Batch, Losses

Precision = Literal["fp32", "bf16", "fp16"]
_AUTOCAST = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@final
@dataclass(frozen=True, slots=True)
class Network:
    """What is replayed: a recogniser in training mode."""

    model: Recogniser
    precision: Precision = "fp32"

    def losses(self, batch: Batch) -> Losses:
        """The forward pass, in the precision of training."""
        dtype = _AUTOCAST[self.precision]
        with torch.autocast(batch.features.device.type, dtype, enabled=self.precision != "fp32"):
            losses: Losses = self.model(batch)
        return losses


@final
@dataclass(frozen=True, slots=True)
class Pass:
    """What a replay came to: losses (B,), which of them count (B,), and the gradient of these' mean by parameter."""

    losses: torch.Tensor
    counted: torch.Tensor
    gradients: Mapping[str, torch.Tensor]

    @property
    def loss(self) -> float:
        """The sum of the losses."""
        return float(self.losses.sum())

    @property
    def norm(self) -> float:
        """The 2-norm of the gradient."""
        return float(total_norm(tensor_norms(list(self.gradients.values()))))

    def same_as(self, other: Pass) -> bool:
        """Whether every bit is the same."""
        return self.gradients.keys() == other.gradients.keys() and all(
            torch.equal(_bits(ours), _bits(theirs))
            for ours, theirs in (
                (self.losses, other.losses),
                *((gradient, other.gradients[name]) for name, gradient in self.gradients.items()),
            )
        )


def replay(network: Network, batch: Batch, planted: Planted = nothing_planted) -> Pass:
    """One forward and one backward pass. Gradients are returned, not left in the model."""
    with planted(batch) as given:
        losses = network.losses(given)
        return Pass(losses.per_utterance.detach(), losses.counted, gradients_of(losses, network.model))


def gradients_of(losses: Losses, model: nn.Module, *others: torch.Tensor) -> dict[str, torch.Tensor]:
    """The gradient of the counted losses' mean by parameter; that by ``others`` is computed too, for who listens."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    mean = losses.per_utterance.sum() / losses.counted.sum().clamp(min=1)
    found = torch.autograd.grad(mean, [*trained.values(), *others], allow_unused=True)
    return {name: gradient for name, gradient in zip(trained, found, strict=False) if gradient is not None}


@contextmanager
def replaying(model: nn.Module, device: torch.device, generators: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Training mode, and generators in these states, for a replay.

    Buffers, generators and modes come back bit for bit; parameters and their gradients nobody touches.
    """
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    own = generator_states(device)
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    set_generators(generators, device)
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        set_generators(own, device)
        for module, mode in modes:
            module.training = mode


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    """As bytes: NaN is equal to no number, but to itself here."""
    return tensor.detach().contiguous().flatten().view(torch.uint8)
