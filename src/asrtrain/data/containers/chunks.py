"""Containers made of chunks, each a name, a size and as many bytes: WAV, RIFX, RF64, AIFF, Wave64 and CAF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, final

_MOST = 1000
"""Chunks looked at; a recording has about ten."""
_STREAMED = (range(0x7F00_0000, 0x7F00_1000), range(0x7FFF_0000, 0x8000_0001), range(0xFFFF_0000, 0x1_0000_0000))
"""Sizes that writers claim who could not know the length, SoX, arecord and FFmpeg among them."""

_BEHIND_SOUND = (b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"fact", b"JUNK", b"PAD ", b"smpl", b"PEAK", b"_PMX")
"""What may follow sound that is really empty."""

_RECORDINGS = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"caff", b".snd")
_ALONE, _FORMS = (b"caff", b".snd"), (b"WAVE", b"AIFF", b"AIFC")
"""How another recording begins; some kinds say after eight bytes what they are."""
_SHORT = 4096
"""Fewer bytes behind the sound than this are taken for a tag."""
_LOOKED_AT = 1 << 16


@final
@dataclass(frozen=True, slots=True)
class Chunk:
    """Its name, where its content begins, and how many bytes it claims to have."""

    name: bytes
    start: int
    size: int


@final
@dataclass(frozen=True, slots=True)
class _Layout:
    """How the chunks of a container lie in it."""

    begin: int
    """Bytes before the first chunk."""
    name: int
    """Bytes of a name."""
    size: int
    """Bytes of a size."""
    order: Literal["little", "big"]
    aligned: int = 1
    """Chunks begin at multiples of so many bytes."""
    counts_header: bool = False
    """Whether a size counts the bytes of name and size too."""


_RIFF = _Layout(begin=12, name=4, size=4, order="little", aligned=2)
_RIFX = _Layout(begin=12, name=4, size=4, order="big", aligned=2)
"""AIFF's too."""
_W64 = _Layout(begin=40, name=16, size=8, order="little", aligned=8, counts_header=True)
_CAF = _Layout(begin=8, name=4, size=8, order="big")


def _chunks_of(stream: BinaryIO, size: int, layout: _Layout) -> Iterator[Chunk]:
    """The chunks of a file of so many bytes, as far as they have a whole header that can be."""
    position, length = layout.begin, layout.name + layout.size
    for _ in range(_MOST):
        if position + length > size:  # where a size of 64 bits may point to, no stream could be set
            return
        stream.seek(position)
        header = stream.read(length)
        claimed = int.from_bytes(header[layout.name :], layout.order) - (length if layout.counts_header else 0)
        if claimed < 0:
            return
        yield Chunk(header[: layout.name], position + length, claimed)
        position += length + claimed + -claimed % layout.aligned


def wav_fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with a RIFF, RIFX or RF64 file."""
    stream.seek(0)
    head = stream.read(12)
    kind, form = head[:4], head[8:]
    layout = _RIFX if kind == b"RIFX" else _RIFF
    whole = int.from_bytes(head[4:8], layout.order)
    if form != b"WAVE":
        return ""
    long_size: int | None = None
    for chunk in _chunks_of(stream, size, layout):
        if chunk.name == b"ds64" and kind == b"RF64":  # EBU Tech 3306: sizes of 64 bits
            stream.seek(chunk.start + 8)
            long_size = int.from_bytes(stream.read(8), "little")
        elif chunk.name == b"data":
            claimed = long_size if long_size is not None and chunk.size == 0xFFFF_FFFF else chunk.size
            if _is_open(claimed) and 0 < whole < _STREAMED[0].start and 8 + whole > size:
                return cut_short(8 + whole - chunk.start, size - chunk.start)
            return _sound_fault(stream, size, chunk.start, claimed)
    return ""


def aiff_fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with an AIFF or AIFC file."""
    return _first_sound_fault(stream, size, _RIFX, b"SSND", b"BODY")


def w64_fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with a Wave64 file."""
    return _first_sound_fault(stream, size, _W64, b"data")


def caf_fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with a Core Audio file, whose size -1 means "to the end of the file"."""
    return _first_sound_fault(stream, size, _CAF, b"data")


def open_end(stream: BinaryIO, size: int) -> tuple[int, bytes] | None:
    """Where a WAV or RF64 file that was written to a pipe claims no bytes of audio, and what it should claim there."""
    stream.seek(0)
    kind, place = stream.read(4), None
    if kind not in (b"RIFF", b"RF64"):
        return None
    for chunk in _chunks_of(stream, size, _RIFF):
        if chunk.name == b"ds64":
            place = chunk.start + 8
        elif chunk.name == b"data":
            return _claim(stream, chunk, size, place if kind == b"RF64" else None)
    return None


def _claim(stream: BinaryIO, data: Chunk, size: int, long_place: int | None) -> tuple[int, bytes] | None:
    there = size - data.start
    if long_place is not None and data.size == 0xFFFF_FFFF:
        stream.seek(long_place)
        unknown = int.from_bytes(stream.read(8), "little") in (0, (1 << 64) - 1)
        return (long_place, there.to_bytes(8, "little")) if unknown else None
    stream.seek(data.start)
    if data.size or there <= 0 or stream.read(4) in _BEHIND_SOUND:
        return None
    return data.start - 4, min(there, 0xFFFF_FFFF).to_bytes(4, "little")


def _is_open(claimed: int) -> bool:
    """Whether a size means that it is not known."""
    return claimed == 0 or claimed >= 1 << 63 or any(claimed in sizes for sizes in _STREAMED)


def _first_sound_fault(stream: BinaryIO, size: int, layout: _Layout, *names: bytes) -> str:
    """What is wrong with the first chunk whose name begins as one of these, which are those of sound."""
    sound = (chunk for chunk in _chunks_of(stream, size, layout) if chunk.name.startswith(names))
    first = next(sound, None)
    return _sound_fault(stream, size, first.start, first.size) if first else ""


def _sound_fault(stream: BinaryIO, size: int, start: int, claimed: int) -> str:
    if _is_open(claimed):
        return ""
    if start + claimed > size:
        return cut_short(claimed, size - start)
    return rest_fault(stream, size, start + claimed, claimed)


def rest_fault(stream: BinaryIO, size: int, end: int, claimed: int) -> str:
    """What is wrong with the bytes behind the sound, which ends there: another recording, or more sound.

    Chunks, zeros and short tags may follow.
    """
    for place in {end, end + end % 2}:
        stream.seek(place)
        following = stream.read(16)
        if following.startswith(_RECORDINGS) and (following[:4] in _ALONE or following[8:12] in _FORMS):
            return f"another recording begins at byte {place}: make them files of their own"
    stream.seek(end)
    rest = stream.read(min(_LOOKED_AT, size - end))
    if size - end < max(_SHORT, claimed // 100) or not rest.strip(b"\0") or re.match(rb"\0?[\w ]{3,4}", rest):
        return ""
    return (
        f"its header promises {claimed} bytes of audio, and {size - end} more follow that are nothing it knows of: "
        "its writer did not finish it; convert it, or cut them off"
    )


def cut_short(promised: int, there: int) -> str:
    """The sentence about bytes of audio that are not there."""
    return f"the file is cut short: its header promises {promised} bytes of audio, and {max(0, there)} are there"
