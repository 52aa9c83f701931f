"""What a step leaves behind although it is not taken, and how to wipe it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import final

import torch
from torch import nn


@final
class Trace:
    """Running statistics, which every forward pass moves, and generators, which dropout and its like draw from."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self._buffers = list(model.buffers())
        self._before = [buffer.clone() for buffer in self._buffers]
        self._device = device
        self._generators = generator_states(device)

    def begin(self) -> None:
        """Remember how it is before the step."""
        if self._buffers:
            torch._foreach_copy_(self._before, self._buffers)
        self._generators = generator_states(self._device)

    @torch.no_grad()
    def wipe(self) -> None:
        """Put everything back."""
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._before)
        set_generators(self._generators, self._device)

    @contextmanager
    def undone(self) -> Iterator[Mapping[str, torch.Tensor]]:
        """For a while it is as before the step; gives the generators' states from there."""
        buffers, generators = [buffer.clone() for buffer in self._buffers], generator_states(self._device)
        self.wipe()
        try:
            yield self._generators
        finally:
            with torch.no_grad():
                if buffers:
                    torch._foreach_copy_(self._buffers, buffers)
            set_generators(generators, self._device)


def generator_states(device: torch.device) -> dict[str, torch.Tensor]:
    """The states of torch's global generators, on the host and on the device."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_generators(states: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Take the states back. Raises KeyError if one is missing."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


@contextmanager
def frozen_statistics(model: nn.Module) -> Iterator[None]:
    """Normalise by running statistics, and leave them alone: then utterances do not know of each other."""
    learning = [module for module in model.modules() if module.training and list(module.buffers(recurse=False))]
    for module in learning:
        module.training = False
    try:
        yield
    finally:
        for module in learning:
            module.training = True
