"""Recordings in a page: to be heard, and to be seen."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
import soundfile
from matplotlib.colors import Normalize

from asrtrain.reporting.html.svg import Picture, sheet
from asrtrain.types import Audio

_COLUMNS, _BANDS = 160, 80
_FRAME = 0.025
_RANGE = 60.0
"""Decibels below the loudest that are still told apart."""


def playable(audio: Audio) -> str:
    """The recording as a data URI: FLAC of 16 bits, which every browser plays."""
    content = io.BytesIO()
    soundfile.write(content, np.clip(audio.samples, -1, 1), audio.sample_rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def spectrogram(audio: Audio, name: str) -> Picture:
    """The level of every band over time."""
    levels = _levels(audio)
    top = audio.sample_rate / 2000
    with sheet(name, 1.7) as drawn:
        axes = drawn.figure.subplots()
        ends = 0, audio.duration, 0, top
        colours = Normalize(-_RANGE, 0)
        axes.imshow(levels, "magma", colours, aspect="auto", interpolation="none", origin="lower", extent=ends)
        axes.set(xlabel="seconds", ylabel="kHz")
        axes.grid(visible=False)
    loud = np.flatnonzero(levels.max(axis=0) > -_RANGE / 3) / levels.shape[1] * audio.duration
    band = (levels.mean(axis=1).argmax() + 0.5) / len(levels) * top
    says = (
        f"{audio.duration:.2f} s; within {_RANGE / 3:.0f} dB of its loudest from {loud[0]:.2f} to {loud[-1]:.2f} s; "
        f"on average loudest near {band:.2g} kHz."
        if len(loud)
        else f"{audio.duration:.2f} s of silence."
    )
    return Picture("Spectrogram", drawn.svg, says)


def _levels(audio: Audio) -> npt.NDArray[np.float64]:
    """Decibels below the loudest, (bands, columns): the mean power of what falls into each band and column."""
    size = max(64, round(_FRAME * audio.sample_rate))
    samples = np.pad(audio.samples.astype(np.float64), (0, max(0, size - len(audio.samples))))
    starts = np.linspace(0, len(samples) - size, min(_COLUMNS, len(samples) - size + 1)).astype(int)
    frames = np.stack([samples[start : start + size] for start in starts]) * np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(frames, n=2 * size)))
    bands = np.stack([part.mean(axis=1) for part in np.array_split(power, _BANDS, axis=1)])
    loudest = bands.max()
    if loudest <= 0:
        return np.full(bands.shape, -2 * _RANGE)
    levels: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(bands / loudest, 10 ** (-_RANGE / 10)))
    return 2 * np.round(levels / 2)  # steps that nobody sees, and a picture that packs well
