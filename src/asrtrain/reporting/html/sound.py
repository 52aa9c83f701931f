"""Recordings in a page: to be heard, and to be seen."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile

from asrtrain.reporting.html.svg import Picture, sheet
from asrtrain.reporting.levels import RANGE, levels_of
from asrtrain.types import Audio

_COLUMNS, _BANDS = 160, 80


def playable(audio: Audio) -> str:
    """The recording as a data URI: FLAC of 16 bits, which every browser plays."""
    content = io.BytesIO()
    soundfile.write(content, np.clip(audio.samples, -1, 1), audio.sample_rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def spectrogram(audio: Audio, name: str) -> Picture:
    """The level of every band over time."""
    # Steps that nobody sees, and a picture that packs well.
    levels = 2 * np.round(levels_of(audio, _COLUMNS, _BANDS) / 2)
    top = audio.sample_rate / 2000
    with sheet(name, 1.7) as drawn:
        axes = drawn.figure.subplots()
        ends = 0, audio.duration, 0, top
        axes.imshow(
            levels, "magma", vmin=-RANGE, vmax=0, aspect="auto", interpolation="none", origin="lower", extent=ends
        )
        axes.set(xlabel="seconds", ylabel="kHz")
        axes.grid(visible=False)
    loud = np.flatnonzero(levels.max(axis=0) > -RANGE / 3) / levels.shape[1] * audio.duration
    band = (levels.mean(axis=1).argmax() + 0.5) / len(levels) * top
    says = (
        f"{audio.duration:.2f} s; within {RANGE / 3:.0f} dB of its loudest from {loud[0]:.2f} to {loud[-1]:.2f} s; "
        f"on average loudest near {band:.2g} kHz."
        if len(loud)
        else f"{audio.duration:.2f} s of silence."
    )
    return Picture("Spectrogram", drawn.svg, says)
