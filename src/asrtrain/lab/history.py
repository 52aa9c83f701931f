"""The norms of the gradients of a run, tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NormHistory:
    """norms (S, N): the 2-norm of each of the tensors ``names`` (N) at each of S steps, before clipping.

    NaN stands where a gradient was not finite.
    """

    names: tuple[str, ...]
    norms: Numbers

    @property
    def totals(self) -> Numbers:
        """The 2-norm of the whole gradient, (S,)."""
        totals: Numbers = np.sqrt(np.square(self.norms).sum(axis=1))
        return totals

    @property
    def shares(self) -> Numbers:
        """The mean share of the squared norm that each tensor holds, (N,), over the finite steps with a gradient."""
        squares = np.square(self.norms)
        sums = squares.sum(axis=1, keepdims=True)
        usable = np.isfinite(sums[:, 0]) & (sums[:, 0] > 0)
        return (squares[usable] / sums[usable]).mean(axis=0) if usable.any() else np.zeros(len(self.names))

    @classmethod
    def of_steps(cls, names: Sequence[str], norms: Sequence[Sequence[float]]) -> NormHistory:
        """From one row of norms a step."""
        return cls(tuple(names), np.array(norms, dtype=np.float64).reshape(len(norms), len(names)))
