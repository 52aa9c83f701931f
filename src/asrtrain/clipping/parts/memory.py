"""One tensor in the shape of every parameter, kept from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import State
from asrtrain.errors import UsageError


@final
class Memory:
    """Float32 tensors by the parameters' names, zero when first seen."""

    def __init__(self) -> None:
        self._kept: State = {}

    def of(self, name: str, parameter: torch.Tensor) -> torch.Tensor:
        """The tensor of a parameter, to be changed in place. Raises UsageError if it had another shape before."""
        if name not in self._kept:
            self._kept[name] = torch.zeros_like(parameter, dtype=torch.float32, requires_grad=False)
        if self._kept[name].shape != parameter.shape:
            was, now = tuple(self._kept[name].shape), tuple(parameter.shape)
            raise UsageError(
                f"clipping: the parameter {name} had the shape {was} and has {now}: a clipper serves one model"
            )
        self._kept[name] = self._kept[name].to(parameter.device)
        return self._kept[name]

    def state_dict(self) -> State:
        """Copies of all tensors."""
        return {name: tensor.clone() for name, tensor in self._kept.items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take them back."""
        self._kept = {name: tensor.clone() for name, tensor in state.items()}
