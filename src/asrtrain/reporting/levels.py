"""How loud a recording is, by time and frequency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asrtrain.types import Audio

RANGE = 60.0
"""Decibels below the loudest that are still told apart."""
_FRAME = 0.025


def levels_of(audio: Audio, columns: int, bands: int) -> npt.NDArray[np.float64]:
    """Decibels below the loudest, (bands, columns): the mean power of what falls into each band and column."""
    size = max(64, round(_FRAME * audio.sample_rate))
    samples = np.pad(audio.samples.astype(np.float64), (0, max(0, size - len(audio.samples))))
    starts = np.linspace(0, len(samples) - size, min(columns, len(samples) - size + 1)).astype(int)
    frames = np.stack([samples[start : start + size] for start in starts]) * np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(frames, n=2 * size)))
    rows = np.stack([part.mean(axis=1) for part in np.array_split(power, bands, axis=1)])
    loudest = rows.max()
    if loudest <= 0:
        return np.full(rows.shape, -2 * RANGE)
    levels: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(rows / loudest, 10 ** (-RANGE / 10)))
    return levels
