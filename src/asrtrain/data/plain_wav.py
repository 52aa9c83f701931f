"""WAV files of one channel of 16-bit integers, which most corpora are made of, read by the standard library.

The general decoder takes three times as long to begin, and longer than all else that is done with a short recording.
"""

from __future__ import annotations

import wave
from typing import BinaryIO, final

import numpy as np
import numpy.typing as npt

_LAST_BIT = 1 / (1 << 15)


@final
class PlainWav:
    """Such a recording; what is public of it has the names that ``soundfile.SoundFile`` uses."""

    format = "WAV"
    channels = 1

    def __init__(self, content: wave.Wave_read) -> None:
        self._content = content
        self.samplerate, self.frames = content.getframerate(), content.getnframes()

    @classmethod
    def of(cls, stream: BinaryIO) -> PlainWav | None:
        """The recording in a seekable stream; None, and the stream at its beginning, if it is any other."""
        try:
            content = wave.open(stream)  # noqa: SIM115 - closing it is for whoever opened the stream
            plain = content.getnchannels() == 1 and content.getsampwidth() == 2
            if plain and _is_there(stream, 2 * content.getnframes()):
                return cls(content)
        except (wave.Error, EOFError):
            pass  # the general decoder knows more kinds, or what to say of it
        stream.seek(0)
        return None

    def seek(self, frame: int) -> None:
        """Go on from there."""
        self._content.setpos(frame)

    def block(self, frames: int) -> npt.NDArray[np.float32]:
        """At most so many samples, (S, 1), in [-1, 1): the numbers that the general decoder gives."""
        stored = np.frombuffer(self._content.readframes(frames), "<i2")
        samples: npt.NDArray[np.float32] = np.multiply(stored, _LAST_BIT, dtype=np.float32)
        return samples[:, None]


def _is_there(stream: BinaryIO, claimed: int) -> bool:
    """Whether the rest of the stream holds as many bytes; leaves it where it is."""
    here = stream.tell()
    there = stream.seek(0, 2) - here
    stream.seek(here)
    return there >= claimed
