"""Containers that are a header and then the samples: AU and NIST SPHERE."""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from asrtrain.data.containers.chunks import cut_short

_UNKNOWN = (0, 0xFFFF_FFFF)
"""What an AU header claims that was written to a pipe."""
_SPHERE_HEADER = 1 << 16
"""Bytes of a SPHERE header that are looked at; it nearly always has 1024."""


def au_fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with an AU file."""
    stream.seek(0)
    _, start, claimed = struct.unpack(">4sII", stream.read(12).ljust(12, b"\0"))
    return cut_short(claimed, size - start) if claimed not in _UNKNOWN and start + claimed > size else ""


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
    return cut_short(claimed, there) if claimed > there else ""
