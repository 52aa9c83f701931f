"""The last norms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import State


@final
class Ring:
    """The last ``size`` norms, and how many there were in all."""

    def __init__(self, size: int) -> None:
        self._values = torch.zeros(size, dtype=torch.float64)
        self.seen = 0

    def append(self, norm: torch.Tensor) -> None:
        """Take in a norm (), forgetting the oldest if the ring is full."""
        self._values = self._values.to(norm.device)
        self._values[self.seen % len(self._values)] = norm
        self.seen += 1

    def values(self) -> torch.Tensor:
        """The norms that are known, in no order, (min(seen, size),) float64."""
        return self._values[: min(self.seen, len(self._values))]

    def state_dict(self) -> State:
        """The norms and their number."""
        return {"ring": self._values.clone(), "seen": torch.tensor(self.seen)}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take them back. Raises KeyError if there are none, or of another window."""
        if len(state["ring"]) != len(self._values):
            raise KeyError(f"window: {len(self._values)}, saved with {len(state['ring'])}, which")
        self._values, self.seen = state["ring"].clone(), int(state["seen"])
