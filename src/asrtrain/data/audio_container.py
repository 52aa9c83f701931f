"""What the first and last bytes of a recording say, before any decoder sees it.

Only formats on this list reach the decoder, whatever a file is called: no playlist, archive or raw stream does.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from asrtrain.errors import DataError

HEAD = 4096
"""Bytes read to recognise a format; a WAV file's ``data`` chunk nearly always begins within them."""

OGG_PAGE = 65_307
"""The largest Ogg page: 27 bytes of header, 255 lacing values, 255 segments of 255 bytes (RFC 3533)."""

STREAMED = 0x7FFF_0000
"""A WAV writer that could not know the length claims this many bytes or more."""

MAGIC = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"NIST_1A")
"""WAV (three kinds), FLAC, Ogg, MP3 with a tag, AIFF, AU and NIST SPHERE."""


def check_container(stream: BinaryIO, name: str) -> None:
    """Refuse what is empty, not audio of a known format, or cut short; leaves ``stream`` at its beginning.

    Raises:
        DataError: one sentence that begins with ``name``.
    """
    head = stream.read(HEAD)
    if not head:
        raise DataError(f"{name}: the file is empty")
    if not head.startswith(MAGIC) and not _is_mpeg(head):
        raise DataError(
            f"{name}: not a WAV, FLAC, Ogg/Opus or MP3 file (it begins with {head[:8]!r}); convert it first"
        )
    size = stream.seek(0, 2)
    if (head.startswith(b"RIFF") and _is_cut_wav(head, size)) or (
        head.startswith(b"OggS") and _is_cut_ogg(stream, size)
    ):
        raise DataError(f"{name}: the file is cut short: its header promises more audio than there is")
    stream.seek(0)


def _is_mpeg(head: bytes) -> bool:
    """An MPEG audio frame begins with eleven set bits, and its layer is III (ISO 11172-3)."""
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2


def _is_cut_wav(head: bytes, size: int) -> bool:
    """Whether more than 1 % of the claimed ``data`` chunk is missing."""
    position = 12
    while position + 8 <= len(head):
        chunk, claimed = struct.unpack_from("<4sI", head, position)
        position += 8
        if chunk == b"data":
            return bool(claimed < STREAMED and size - position < 0.99 * claimed)
        position += claimed + claimed % 2
    return False


def _is_cut_ogg(stream: BinaryIO, size: int) -> bool:
    """Whether the last page ends beyond the end of the file."""
    stream.seek(max(0, size - 2 * OGG_PAGE))
    tail = stream.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
