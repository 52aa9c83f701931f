"""What files that are mapped into memory have in common: a header to know them by.

A header is a block of 4096 bytes: magic, its own CRC-32, its length, JSON.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

HEADER = 4096


def pack_header(magic: bytes, header: Mapping[str, Any]) -> bytes:
    """The block of a header, whose ``magic`` has 8 bytes. Raises ValueError where it is too long."""
    text = json.dumps(header).encode()
    if len(text) > HEADER - 16:
        raise ValueError(f"a header of {len(text)} bytes is too long")
    return (magic + struct.pack("<II", zlib.crc32(text), len(text)) + text).ljust(HEADER, b"\0")


def unpack_header(magic: bytes, block: bytes) -> dict[str, Any]:
    """The header in a block. Raises ValueError where there is none of this magic, or a damaged one."""
    if len(block) != HEADER or block[:8] != magic:
        raise ValueError(f"not a file of {magic.decode()}")
    checksum, length = struct.unpack_from("<II", block, 8)
    text = block[16 : 16 + length]
    if zlib.crc32(text) != checksum:
        raise ValueError("damaged header")
    header: dict[str, Any] = json.loads(text)
    return header
