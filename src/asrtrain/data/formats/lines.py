"""Reading and writing manifests line by line, whatever the lines hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import final

import numpy as np

from asrtrain.data.complaints import Complaint
from asrtrain.errors import DataError
from asrtrain.files.writing import appearing_whole, clear_leavings
from asrtrain.types import Source

LONGEST_LINE = 2**20
BLOCK = 2**17
"""Bytes read at a time."""

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@final
@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a file as they are: ``count`` of them, the first of them line ``number``."""

    path: Path
    number: int
    count: int
    content: bytes

    def text(self, usual: bytes) -> str | None:
        """All lines at once, each with its LF; None if any needs a closer look: other than ``usual`` controls, say."""
        codes = np.frombuffer(self.content, np.uint8)
        controls = codes[codes < ord(" ")].tobytes()
        if controls.translate(None, usual) or self.content.startswith((*_UTF16_MARKS, _UTF8_MARK)):
            return None
        try:
            text = self.content.decode("utf-8")
        except UnicodeDecodeError:
            return None
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if "\r" in text or len(text) > 2 * BLOCK:
            return None
        return text if text.endswith("\n") else f"{text}\n"

    def lines(self, complaints: list[Complaint]) -> tuple[list[tuple[int, str]], bool]:
        """The lines that are not blank, with their numbers, and whether what follows may be lines too."""
        lines: list[tuple[int, str]] = []
        for number, line in enumerate(BytesIO(self.content), self.number):
            text = _text(line, Source(self.path, number), complaints)
            if text is None:
                return lines, False
            if text and not text.isspace():
                lines.append((number, text))
        return lines, True


def read_blocks(path: Path) -> Iterator[Block]:
    """A file in blocks of whole lines. Raises DataError if it cannot be read."""
    if not path.is_file():
        raise DataError(f"{path}: no such file" if not path.exists() else f"{path}: expected a file")
    try:
        with path.open("rb") as stream:
            number = 1
            while content := stream.read(BLOCK):
                content += b"" if content.endswith(b"\n") else stream.readline(LONGEST_LINE + 1)
                ended = int(np.count_nonzero(np.frombuffer(content, np.uint8) == ord("\n")))
                count = ended + (not content.endswith(b"\n"))
                yield Block(path, number, count, content)
                number += count
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def read_lines(path: Path, complaints: list[Complaint]) -> list[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1; byte order mark and line ends (LF, CRLF) removed.

    Lines that are not UTF-8, hold a NUL or are longer than 1 MiB become complaints. Raises DataError if the file
    cannot be read.
    """
    lines = []
    for block in read_blocks(path):
        some, more = block.lines(complaints)
        lines += some
        if not more:
            break
    return lines


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file whole or not at all. Raises DataError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leavings(path.parent)
        with appearing_whole(path) as stream:
            stream.writelines(f"{line}\n".encode() for line in lines)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def _text(line: bytes, source: Source, complaints: list[Complaint]) -> str | None:
    """The line's text, empty where it is complained about, or None if what follows cannot be lines either."""
    if source.line == 1 and line.startswith(_UTF16_MARKS):
        complaints.append(Complaint("malformed", "the file is UTF-16; save it as UTF-8", source))
        return None
    if len(line) > LONGEST_LINE:
        complaints.append(Complaint("malformed", "a line longer than 1 MiB: this is no manifest", source))
        return None
    if b"\0" in line:
        complaints.append(Complaint("malformed", "a NUL byte: this is no text, or the file is damaged", source))
        return None if source.line == 1 else ""
    try:
        return line.removeprefix(_UTF8_MARK).decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start + 1} of the line (0x{line[error.start]:02x}); save the file as UTF-8"
        complaints.append(Complaint("malformed", message, source))
        return ""
