"""What the first bytes of a recording say it is, and whether all of it is there.

Only formats on this list reach the decoder, whatever a file is called: no playlist, archive or raw stream does.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import BinaryIO

from asrtrain.data.containers import chunks, headers, mpeg, ogg
from asrtrain.errors import DataError

HEAD = 64
"""Bytes read to recognise a format."""

Fault = Callable[[BinaryIO, int], str]
"""From a stream and its size in bytes to what is wrong with it; empty if all that is promised is there."""

_KINDS: Mapping[bytes, Fault] = {
    b"RIFF": chunks.wav_fault,
    b"RIFX": chunks.wav_fault,
    b"RF64": chunks.wav_fault,
    b"FORM": chunks.aiff_fault,
    b"riff": chunks.w64_fault,
    b"caff": chunks.caf_fault,
    b"OggS": ogg.fault,
    b"ID3": mpeg.fault,
    b".snd": headers.au_fault,
    b"NIST_1A": headers.sphere_fault,
    b"fLaC": headers.flac_fault,
}
"""WAV (three kinds), AIFF, Wave64, CAF, Ogg, MP3 with a tag, AU, NIST SPHERE, FLAC."""


def check_container(stream: BinaryIO, name: str) -> None:
    """Refuse what is empty, not audio of a known format, or cut short; leaves ``stream`` at its beginning.

    Raises:
        DataError: one sentence that begins with ``name``.
    """
    head = stream.read(HEAD)
    if not head:
        raise DataError(f"{name}: the file is empty")
    fault = _kind(head)
    if fault is None:
        raise DataError(
            f"{name}: not a WAV, FLAC, Ogg/Opus or MP3 file (it begins with {head[:8]!r}); convert it first"
        )
    if found := fault(stream, stream.seek(0, 2)):
        raise DataError(f"{name}: {found}")
    stream.seek(0)


def completed(stream: BinaryIO) -> BinaryIO:
    """The same recording; where a writer to a pipe left its length open as 0, with the length filled in.

    The decoder takes 0 for the length; of FLAC and of sizes that mean "unknown" it knows.
    """
    size = stream.seek(0, 2)
    patch = chunks.open_end(stream, size) or headers.open_end(stream)
    stream.seek(0)
    if patch is None:
        return stream
    place, claim = patch
    content = bytearray(stream.read())
    content[place : place + len(claim)] = claim
    return io.BytesIO(content)


def _kind(head: bytes) -> Fault | None:
    found = (fault for magic, fault in _KINDS.items() if head.startswith(magic))
    return next(found, mpeg.fault if mpeg.begins_a_frame(head) else None)
