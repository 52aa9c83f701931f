"""MP3 files: frames of MPEG audio, layer III (ISO 11172-3, 13818-3), with tags before and behind them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, final

_KBITS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of layer III by version; version 2.5 has those of 2."""
_RATES = (44_100, 48_000, 32_000)


@final
@dataclass(frozen=True, slots=True)
class Frame:
    """Where a frame begins, how many bytes it has, and where the tag of its encoder would begin."""

    start: int
    size: int
    tag: int


def begins_a_frame(head: bytes) -> bool:
    """An MPEG audio frame begins with eleven set bits, and its layer is III."""
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2


def fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with an MP3 file: its last frame, or the count that its encoder wrote into the first one."""
    frames = frames_of(stream, _behind_tags(stream))
    first = next(frames, None)
    if first is None:
        return ""
    whole, end = 0, first.start + first.size
    for frame in frames:
        end = frame.start + frame.size
        whole += end <= size
    if end > size:
        return "the file is cut short: its last frame is not all there"
    promised, length = _promised(stream, first)
    if promised and whole > promised + 1:
        return f"holds {whole} frames, and its header knows of {promised}: make a file of each recording"
    if whole < promised and size - first.start < length:  # encoders differ in whether they count the first frame
        return f"the file is cut short: its header promises {promised} frames, and {whole} are there"
    return ""


def frames_of(stream: BinaryIO, start: int) -> Iterator[Frame]:
    """The frames from there on, as long as one follows the other."""
    while True:
        stream.seek(start)
        frame = _frame(stream.read(4), start)
        if frame is None:
            return
        yield frame
        start += frame.size


def _frame(header: bytes, start: int) -> Frame | None:
    if len(header) < 4 or not begins_a_frame(header):
        return None
    version = {3: 1, 2: 2, 0: 4}.get(header[1] >> 3 & 3)  # MPEG 1, 2 and 2.5, by what the rates are divided
    kbits, rate = header[2] >> 4, header[2] >> 2 & 3
    if version is None or kbits in (0, 15) or rate == 3:
        return None
    bits = 1000 * _KBITS[min(version, 2)][kbits]
    size = (144 if version == 1 else 72) * bits // (_RATES[rate] // version) + (header[2] >> 1 & 1)
    mono = header[3] >> 6 == 3
    side = (17 if mono else 32) if version == 1 else (9 if mono else 17)
    return Frame(start, size, start + 4 + side)


def _behind_tags(stream: BinaryIO) -> int:
    """Where the first frame is to be expected: behind ID3 tags of version 2, whose sizes have seven bits a byte."""
    start = 0
    while True:
        stream.seek(start)
        header = stream.read(10)
        if len(header) < 10 or not header.startswith(b"ID3"):
            return start
        size = sum((byte & 0x7F) << shift for byte, shift in zip(header[6:], (21, 14, 7, 0), strict=True))
        start += 10 + size + (10 if header[5] & 0x10 else 0)


def _promised(stream: BinaryIO, first: Frame) -> tuple[int, int]:
    """Frames behind the first one, and bytes from it on, as encoders write them (Xing's and LAME's tag); else 0, 0."""
    stream.seek(first.tag)
    name, flags, frames, length = struct.unpack(">4sIII", stream.read(16).ljust(16, b"\0"))
    return (frames, length) if name in (b"Xing", b"Info") and flags & 3 == 3 else (0, 0)
