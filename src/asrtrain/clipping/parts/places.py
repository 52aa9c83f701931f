"""Numbers by name, kept in one tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import State

_SHARED = ""
"""The name that what belongs to all is saved under."""
_ROOT = "."
"""The name that what belongs to the layer "" is saved under: parameters of a model that has no modules inside."""


@final
class Places:
    """Gives every name a place in a tensor, in the order in which they are first seen."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()

    def spread(self, names: tuple[str, ...], values: torch.Tensor) -> torch.Tensor:
        """Values (K,) of these names, at the places of all names that were ever seen; NaN for the others."""
        if names == self.names:
            return values
        self.names += tuple(name for name in names if name not in self.names)
        of = dict(zip(names, values.unbind(), strict=True))
        nothing = torch.full_like(values[0], float("nan"))
        return torch.stack([of.get(name, nothing) for name in self.names])

    def picked(self, names: tuple[str, ...], values: torch.Tensor) -> torch.Tensor:
        """The values of these names alone."""
        if names == self.names:
            return values
        return torch.stack([values[self.names.index(name)] for name in names])

    def by_name(self, state: State) -> State:
        """A state of tensors that begin with a dimension of places, or that belong to all, as one of names."""
        saved = {f"{_SHARED}/{key}": value for key, value in state.items() if value.ndim == 0}
        for key, value in state.items():
            if value.ndim:
                names = [name or _ROOT for name in self.names]
                saved |= {f"{name}/{key}": own.clone() for name, own in zip(names, value.unbind(), strict=True)}
        return saved

    def together(self, saved: Mapping[str, torch.Tensor]) -> State:
        """The reverse of `by_name`."""
        split = [(*key.rpartition("/")[::2], value) for key, value in saved.items()]
        names = tuple(dict.fromkeys(name for name, _, _ in split if name != _SHARED))
        self.names = tuple("" if name == _ROOT else name for name in names)
        state = {key: value for name, key, value in split if name == _SHARED}
        for own in dict.fromkeys(key for name, key, _ in split if name != _SHARED):
            state[own] = torch.stack([saved[f"{name}/{own}"] for name in names])
        return state
