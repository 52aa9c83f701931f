"""A table of utterances in a file, mapped into memory: opened in milliseconds, read as it is asked for.

Layout: a header of 4096 bytes (magic, its own CRC-32, JSON), then one column after another. The file appears under its
name complete or not at all.
"""

from __future__ import annotations

import json
import os
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asrtrain.data.strings import Strings
from asrtrain.data.table import UtteranceTable

MAGIC = b"ASRUTTS1"
HEADER = 4096
_ALIGNED = 64
_WORDS = ("ids", "audio", "texts", "speakers")
_NUMBERS = ("durations", "offsets", "lines")


def store_table(table: UtteranceTable, path: Path, key: str) -> None:
    """Write a table under a key. Raises OSError, and then leaves nothing behind."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in _WORDS:
        words: Strings = getattr(table, name)
        columns |= {name: words.content, f"{name} end": words.ends}
    columns |= {name: getattr(table, name) for name in _NUMBERS}
    places: list[list[str | int]] = []
    place = HEADER
    for name, column in columns.items():
        places.append([name, column.dtype.str, place, column.nbytes])
        place += column.nbytes + -column.nbytes % _ALIGNED
    header = {"key": key, "file": str(table.file), "folder": str(table.folder), "columns": places, "bytes": place}
    text = json.dumps(header).encode()
    if len(text) > HEADER - 16:
        raise OSError(f"{path}: the names of the manifest are too long to be kept")
    path.parent.mkdir(parents=True, exist_ok=True)
    file = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115
    try:
        with file:
            file.write((MAGIC + struct.pack("<II", zlib.crc32(text), len(text)) + text).ljust(HEADER, b"\0"))
            for column in columns.values():
                file.write(np.ascontiguousarray(column).data)
                file.write(bytes(-column.nbytes % _ALIGNED))
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        raise


def open_table(path: Path, key: str) -> UtteranceTable | None:
    """Map a table; None where there is none, or none that is whole and has this key."""
    try:
        content = np.asarray(np.memmap(path, np.uint8, "r"))
        header = _header(bytes(content[:HEADER]))
        if header["key"] != key or header["bytes"] != len(content):
            return None
        columns = {name: content[at : at + size].view(kind) for name, kind, at, size in header["columns"]}
        ids, audio, texts, speakers = (Strings(columns[name], columns[f"{name} end"]) for name in _WORDS)
        numbers = (columns[name] for name in _NUMBERS)
        return UtteranceTable(Path(header["file"]), Path(header["folder"]), ids, audio, texts, speakers, *numbers)
    except (OSError, ValueError, KeyError):
        return None


def _header(block: bytes) -> dict[str, Any]:
    """Raises ValueError where the block is not a header, or is damaged."""
    if len(block) != HEADER or block[:8] != MAGIC:
        raise ValueError("not a table")
    checksum, length = struct.unpack_from("<II", block, 8)
    text = block[16 : 16 + length]
    if zlib.crc32(text) != checksum:
        raise ValueError("damaged header")
    header: dict[str, Any] = json.loads(text)
    return header
