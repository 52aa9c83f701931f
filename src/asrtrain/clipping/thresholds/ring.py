"""The last norms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import State
from asrtrain.clipping.thresholds.growing import grown


@final
class Ring:
    """The last ``size`` norms of each of several kinds, and how many there were in all."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: torch.Tensor | None = None
        self._seen: torch.Tensor | None = None

    @property
    def seen(self) -> torch.Tensor:
        """How many norms there were, (K,) or (). After `append` or `quantile` only."""
        assert self._seen is not None
        return self._seen

    def append(self, norm: torch.Tensor, sound: torch.Tensor) -> None:
        """Take in the norms that are sound, forgetting the oldest where the ring is full."""
        values = self._fit(norm)
        place = (self.seen % self._size)[..., None]
        values.scatter_(-1, place, torch.where(sound[..., None], norm[..., None], values.gather(-1, place)))
        self._seen = self.seen + sound

    def quantile(self, q: float, norm: torch.Tensor, *, including: bool = False) -> torch.Tensor:
        """The q-quantile of the norms that are known, shaped like ``norm``, or of them and ``norm``; NaN if none is.

        As torch's, between neighbours on a line; but its nanquantile makes the host wait.
        """
        values, count = self._fit(norm), self.seen.clamp(max=self._size)
        unknown = torch.arange(self._size, device=norm.device) >= count[..., None]
        values = values.masked_fill(unknown, torch.inf)
        if including:
            values, count = torch.cat([values, norm[..., None]], dim=-1), count + 1
        values = values.sort(dim=-1).values
        rank = q * (count - 1).clamp(min=0).double()
        below, above = (values.gather(-1, place.long()[..., None])[..., 0] for place in (rank.floor(), rank.ceil()))
        return torch.where(count > 0, torch.lerp(below, above, rank - rank.floor()), torch.nan)

    def _fit(self, norm: torch.Tensor) -> torch.Tensor:
        self._values = grown(self._values, norm, self._size)
        self._seen = grown(self._seen, norm, dtype=torch.long)
        return self._values

    def estimates(self) -> Mapping[str, torch.Tensor]:
        """How many norms there were; nothing before the first."""
        return {} if self._seen is None else {"seen": self._seen}

    def state_dict(self) -> State:
        """The norms and their number; nothing before the first."""
        return {} if self._values is None else {"ring": self._values.clone(), "seen": self.seen.clone()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take them back. Raises KeyError if they are of another window."""
        if not state:
            self._values = self._seen = None
            return
        if state["ring"].shape[-1] != self._size:
            raise KeyError(f"window: {self._size}, saved with {state['ring'].shape[-1]}, which")
        self._values, self._seen = state["ring"].clone(), state["seen"].clone()
