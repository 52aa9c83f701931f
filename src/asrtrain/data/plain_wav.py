"""WAV files as most corpora are made of them: a header of 44 bytes, then one channel of 16-bit integers.

The general decoder takes three times as long to begin, and longer than all else that is done with a short recording.
It reads whatever differs from this in the least, and knows what to say of it.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, final

import numpy as np
import numpy.typing as npt

_HEADER = struct.Struct("<4sI4s 4sIHHIIHH 4sI")
_PLAIN = (b"RIFF", b"WAVE", b"fmt ", 16, 1, 1, 16, b"data")
"""The size of the format, integers, one channel, 16 bits."""
_RATES = range(1, 1 << 31)
"""Of any other the general decoder has a sentence of its own."""
_UNIT = 1 / (1 << 15)
"""Full scale is 1."""


@final
class PlainWav:
    """Such a recording, with as much of the general decoder's interface as reading it takes."""

    format = "WAV"
    channels = 1

    def __init__(self, stream: BinaryIO, rate: int, frames: int) -> None:
        self._stream = stream
        self.samplerate, self.length = rate, frames

    @classmethod
    def of(cls, stream: BinaryIO) -> PlainWav | None:
        """The recording in a stream that is at its beginning; None, and the stream as it was, if it is any other."""
        head, size = stream.read(_HEADER.size), stream.seek(0, 2)
        stream.seek(0)
        if len(head) < _HEADER.size:
            return None
        riff, _, wave, fmt, length, kind, channels, rate, _, _, bits, data, claimed = _HEADER.unpack(head)
        if (riff, wave, fmt, length, kind, channels, bits, data) != _PLAIN or rate not in _RATES:
            return None
        if claimed % 2 or _HEADER.size + claimed != size:
            return None
        recording = cls(stream, rate, claimed // 2)
        recording.skip(0)
        return recording

    def skip(self, frames: int) -> None:
        """Leave out the first frames."""
        self._stream.seek(_HEADER.size + 2 * frames)

    def block(self, frames: int) -> npt.NDArray[np.float32]:
        """At most so many samples, (S, 1), in [-1, 1): the numbers that the general decoder gives."""
        stored = self._stream.read(2 * frames)
        samples: npt.NDArray[np.float32] = np.multiply(
            np.frombuffer(stored, "<i2", len(stored) // 2), _UNIT, dtype=np.float32
        )
        return samples[:, None]
