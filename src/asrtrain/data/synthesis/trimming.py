"""Cutting the silence off the ends of synthetic speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asrtrain.types import Hertz

if TYPE_CHECKING:
    import numpy.typing as npt

_BLOCKS_A_SECOND = 200
_KEPT = 0.01


def trim(samples: npt.NDArray[np.float32], sample_rate: Hertz, threshold: float) -> npt.NDArray[np.float32]:
    """Cut both ends up to 10 ms before the first and after the last 5 ms that are louder than ``threshold`` dB.

    The threshold is relative to the power of the loudest 5 ms. Silence as a whole comes back empty.
    """
    block = sample_rate // _BLOCKS_A_SECOND
    power = np.square(samples[: len(samples) // block * block].reshape(-1, block)).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (threshold / 10))
    if not len(loud):
        return samples[:0]
    kept = round(_KEPT * sample_rate)
    return samples[max(0, loud[0] * block - kept) : (loud[-1] + 1) * block + kept]
