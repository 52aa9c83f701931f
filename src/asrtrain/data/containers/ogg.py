"""Ogg files: pages, of which the last says that it is the last (RFC 3533)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, final

_FIRST, _LAST = 2, 4
"""Flags of a page: it begins a logical stream, it ends one."""

_HEADER = 27
"""Bytes of a page's header, before the sizes of its segments."""


@final
@dataclass(frozen=True, slots=True)
class Page:
    """Where a page begins and should end, whether it is the first or the last of a logical stream, and which."""

    start: int
    end: int
    first: bool
    last: bool
    serial: bytes


def pages_of(stream: BinaryIO, start: int = 0) -> Iterator[Page]:
    """The pages from there on, as long as one follows the other; the last may end beyond the file."""
    while True:
        stream.seek(start)
        header = stream.read(_HEADER)
        if len(header) < _HEADER or not header.startswith(b"OggS"):
            return
        lacing = stream.read(header[26])
        end = start + _HEADER + header[26] + sum(lacing)
        if len(lacing) < header[26]:
            end = start + (1 << 30)  # cut within its own header
        yield Page(start, end, bool(header[5] & _FIRST), bool(header[5] & _LAST), header[14:18])
        start = end


def links_of(stream: BinaryIO) -> list[tuple[int, int]]:
    """Where the links of a chain, recordings one behind the other, begin and end; none in what is no Ogg file."""
    links: list[tuple[int, int]] = []
    within = True
    for page in pages_of(stream):
        if page.first and within:
            links.append((page.start, page.end))
        elif links:
            links[-1] = links[-1][0], page.end
        within = not page.first
    return links


def fault(stream: BinaryIO, size: int) -> str:
    """What is wrong with an Ogg file."""
    open_streams: set[bytes] = set()
    end = 0
    for page in pages_of(stream):
        end = page.end
        open_streams.add(page.serial)
        if page.last:
            open_streams.discard(page.serial)
    if end == 0 or end > size or (open_streams and end < size < end + _HEADER):
        return "the file is cut short: its last page promises more bytes than there are"
    if open_streams and end < size:
        return f"the file is damaged: no page follows at byte {end}, where one must"
    if open_streams:
        return "the file is cut short: its last page is not marked as the end; if no more was recorded, convert it"
    return ""
