"""Containers that are a header and then the samples: AU, NIST SPHERE and FLAC."""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from asrtrain.data.containers.chunks import cut_short, rest_fault

_UNKNOWN = (0, 0xFFFF_FFFF)
"""What an AU header claims that was written to a pipe."""
_FLAC = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
"""How a FLAC file begins: with a block of 34 bytes."""
_SCANNED, _BLOCK = 1 << 29, 1 << 20
"""Bytes of a FLAC file that are looked through, and how many at a time."""
_SPHERE_HEADER = 1 << 16
"""Bytes of a SPHERE header that are looked at; it nearly always has 1024."""


def au_fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with an AU file."""
    stream.seek(0)
    _, start, claimed = struct.unpack(">4sII", stream.read(12).ljust(12, b"\0"))
    if claimed in _UNKNOWN:
        return ""
    if start + claimed > size:
        return cut_short(claimed, size - start)
    return rest_fault(stream, size, start + claimed, claimed)


def open_end(stream: BinaryIO) -> tuple[int, bytes] | None:
    """Where an AU file claims no bytes of audio, and the claim that means "unknown"."""
    stream.seek(0)
    header = stream.read(12)
    return (8, b"\xff" * 4) if header[:4] == b".snd" and header[8:] == bytes(4) else None


def sphere_fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with a NIST SPHERE file: https://www.isip.piconepress.com/projects/speech/software."""
    stream.seek(0)
    header = stream.read(_SPHERE_HEADER).partition(b"end_head")[0]
    length = re.match(rb"NIST_1A\s+(\d{1,9})\s", header)
    known = {name: int(value) for name, value in re.findall(rb"(\w+) -[is]\d* (\d{1,18})\b", header)}
    coding = re.search(rb"sample_coding -s\d+ (\S+)", header)
    if length is None or (coding is not None and b"," in coding[1]):  # "pcm,embedded-shorten-v2.00": fewer bytes
        return ""
    claimed = known.get(b"sample_count", 0) * known.get(b"channel_count", 1) * known.get(b"sample_n_bytes", 2)
    there = size - int(length[1])
    if claimed > there:
        return cut_short(claimed, there)
    return rest_fault(stream, size, int(length[1]) + claimed, claimed) if claimed else ""


def flac_fault(stream: BinaryIO, size: int) -> str:
    """Whether another FLAC file follows, which the decoder passes over; of a cut it tells itself (RFC 9639, 8.1)."""
    for start in range(4, min(size, _SCANNED), _BLOCK):
        stream.seek(start)
        if found := _FLAC.search(stream.read(_BLOCK + 7)):
            return f"another recording begins at byte {start + found.start()}: make them files of their own"
    return ""
