"""Recordings read straight on, block by block, as the library decodes them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, final

import numpy as np
import numpy.typing as npt
import soundfile

from asrtrain.data import ffmpeg
from asrtrain.data.containers import check_container, completed, links_of
from asrtrain.data.plain_wav import PlainWav
from asrtrain.errors import DataError
from asrtrain.interrupts import held

Samples = npt.NDArray[np.float32]

BLOCK = 1 << 16
"""Frames decoded at a time."""

_UNKNOWN = (1 << 63) - 1
"""What the library says of a length that the header does not tell: FLAC from an encoder that wrote into a pipe."""

_MOST_COUNTED = 1 << 29
"""Frames after which counting them ends: 3 hours at 48 kHz."""

_SOUGHT = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "VORBIS", "OPUS")
"""Encodings in which the library finds a place exactly. It finds none in others, or, in MP3, one that lies near."""


@final
class Decoder(soundfile.SoundFile):  # type: ignore[misc]  # the library has no types
    """A recording of any kind that the library knows.

    The library seeks after every read to where it already is, and an MP3 decoder that seeks loses what the next frame
    needs of the one before: a gap at every block. It does not, where it believes that it cannot.
    """

    counted: int | None = None
    """The frames, where the header did not tell."""

    def seekable(self) -> bool:
        return False

    @property
    def length(self) -> int:
        """Sample frames in all."""
        return self.frames if self.counted is None else self.counted

    def block(self, frames: int) -> Samples:
        """At most so many sample frames, (S, channels)."""
        with held():  # what is in memory is read through callbacks
            samples: Samples = self.read(frames, dtype="float32", always_2d=True)
        return samples

    def seek(self, frames: int) -> None:
        with held():
            super().seek(frames)

    def skip(self, frames: int) -> None:
        """Leave out the first frames."""
        if frames and self.subtype in _SOUGHT and self.counted is None:
            self.seek(frames)
            return
        _read_past(self, frames)


@final
class Chain:
    """An Ogg file of several recordings, one behind the other, as one; without what lies behind them all."""

    format = "OGG"

    def __init__(self, stream: BinaryIO, bounds: Sequence[tuple[int, int]], name: str) -> None:
        self._stream, self._bounds = stream, bounds
        forms, self.length = [], 0
        for place in range(len(bounds)):
            with self._link(place) as link:
                forms.append((link.samplerate, link.channels))
                self.length += link.length
        if len(set(forms)) > 1:
            found = f"{len(forms)} recordings of different rates or channels"
            raise DataError(f"{name}: holds {found}: make a file of each")
        self.samplerate, self.channels = forms[0]
        self._place, self._open = 0, self._link(0)

    def block(self, frames: int) -> Samples:
        """At most so many sample frames, (S, channels)."""
        block = self._open.block(frames)
        while not len(block) and self._place + 1 < len(self._bounds):
            self._open.close()
            self._place += 1
            self._open = self._link(self._place)
            block = self._open.block(frames)
        return block

    def skip(self, frames: int) -> None:
        """Leave out the first frames."""
        _read_past(self, frames)

    def _link(self, place: int) -> Decoder:
        start, end = self._bounds[place]
        self._stream.seek(start)
        with held():
            return Decoder(io.BytesIO(self._stream.read(end - start)))


Recording = PlainWav | Decoder | Chain


@contextmanager
def opened(stream: BinaryIO, name: str) -> Iterator[Recording]:
    """The recording in a stream that is at its beginning. Raises DataError, and the library's SoundFileError."""
    if (plain := PlainWav.of(stream)) is not None:  # which is all that the container is checked for
        yield plain
        return
    if (container := ffmpeg.container_of(_head(stream))) is not None:
        with ffmpeg.decoded(stream, name, container) as wav, opened(wav, name) as recording:
            yield recording
        return
    check_container(stream, name)
    stream = completed(stream)
    links = links_of(stream)
    if links and links != [(0, stream.seek(0, 2))]:
        yield Chain(stream, links, name)
        return
    with _decoder(stream) as recording:
        counted = _count(recording) if recording.frames == _UNKNOWN else None
        if counted is None:
            yield recording
            return
    with _decoder(stream) as recording:
        recording.counted = counted
        yield recording


def _decoder(stream: BinaryIO) -> Decoder:
    """The library goes on with the bare descriptor of a file, which is faster than calling back into Python."""
    stream.seek(0)
    with held():
        return Decoder(stream if isinstance(stream, io.BytesIO) else stream.fileno(), closefd=False)


def _head(stream: BinaryIO) -> bytes:
    head = stream.read(16)
    stream.seek(0)
    return head


def _count(recording: Decoder) -> int:
    count = 0
    while count < _MOST_COUNTED and len(block := recording.block(BLOCK)):
        count += len(block)
    return count


def _read_past(recording: Decoder | Chain, frames: int) -> None:
    while frames > 0 and len(block := recording.block(min(BLOCK, frames))):
        frames -= len(block)
