"""A table of utterances in a file, read into memory at once and checked: a tenth of a second for a million of them.

Layout: a header of 4096 bytes (magic, its own CRC-32, JSON), then one column after another. The file appears under its
name complete or not at all.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asrtrain.data.strings import Strings
from asrtrain.data.table import UtteranceTable
from asrtrain.files.kept import HEADER, KeptFile, pack_header, writing_kept

MAGIC = b"ASRUTTS2"
_ALIGNED = 64
_WORDS = ("ids", "audio", "texts", "speakers")
_NUMBERS = ("durations", "offsets", "lines")


def store_table(table: UtteranceTable, path: Path, key: str) -> None:
    """Write a table under a key. Raises OSError, and then leaves nothing behind."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in _WORDS:
        words: Strings = getattr(table, name).packed()
        columns |= {name: words.content, f"{name} end": words.ends}
    columns |= {name: getattr(table, name) for name in _NUMBERS}
    places: list[list[str | int]] = []
    place, checksum = 0, 0
    for name, column in columns.items():
        padding = bytes(-column.nbytes % _ALIGNED)
        places.append([name, column.dtype.str, place, column.nbytes])
        place += column.nbytes + len(padding)
        checksum = zlib.crc32(padding, zlib.crc32(np.ascontiguousarray(column).data, checksum))
    header = {
        "key": key, "file": str(table.file), "folder": str(table.folder), "columns": places,
        "crc": checksum, "bytes": HEADER + place,
    }  # fmt: skip
    try:
        packed = pack_header(MAGIC, header)
    except ValueError:
        raise OSError(f"{path}: the names of the manifest are too long to be kept") from None
    with writing_kept(path) as file:
        file.write(packed)
        for column in columns.values():
            file.write(np.ascontiguousarray(column).data)
            file.write(bytes(-column.nbytes % _ALIGNED))


def open_table(path: Path, key: str) -> UtteranceTable | None:
    """Read a table; None where there is none with this key. Raises DamagedError."""
    kept = KeptFile.open(path, MAGIC)
    if kept is None or kept.header["key"] != key:
        return None
    header = kept.header
    content = np.frombuffer(kept.read(HEADER, header["bytes"] - HEADER, header["crc"]), np.uint8)
    columns = {name: content[at : at + size].view(kind) for name, kind, at, size in header["columns"]}
    ids, audio, texts, speakers = (Strings(columns[name], columns[f"{name} end"]) for name in _WORDS)
    numbers = (columns[name] for name in _NUMBERS)
    return UtteranceTable(Path(header["file"]), Path(header["folder"]), ids, audio, texts, speakers, *numbers)
