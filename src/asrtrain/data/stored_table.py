"""A table of utterances in a file, mapped into memory: opened in milliseconds, read as it is asked for.

Layout: a header of 4096 bytes (magic, its own CRC-32, JSON), then one column after another. The file appears under its
name complete or not at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asrtrain.data.strings import Strings
from asrtrain.data.table import UtteranceTable
from asrtrain.files.writing import appearing_whole, clear_leavings
from asrtrain.mapped import HEADER, pack_header, unpack_header

MAGIC = b"ASRUTTS1"
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
    place = HEADER
    for name, column in columns.items():
        places.append([name, column.dtype.str, place, column.nbytes])
        place += column.nbytes + -column.nbytes % _ALIGNED
    header = {"key": key, "file": str(table.file), "folder": str(table.folder), "columns": places, "bytes": place}
    try:
        packed = pack_header(MAGIC, header)
    except ValueError:
        raise OSError(f"{path}: the names of the manifest are too long to be kept") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_leavings(path.parent)
    with appearing_whole(path) as file:
        file.write(packed)
        for column in columns.values():
            file.write(np.ascontiguousarray(column).data)
            file.write(bytes(-column.nbytes % _ALIGNED))


def open_table(path: Path, key: str) -> UtteranceTable | None:
    """Map a table; None where there is none, or none that is whole and has this key."""
    try:
        content = np.asarray(np.memmap(path, np.uint8, "r"))
        header = unpack_header(MAGIC, bytes(content[:HEADER]))
        if header["key"] != key or header["bytes"] != len(content):
            return None
        columns = {name: content[at : at + size].view(kind) for name, kind, at, size in header["columns"]}
        ids, audio, texts, speakers = (Strings(columns[name], columns[f"{name} end"]) for name in _WORDS)
        numbers = (columns[name] for name in _NUMBERS)
        return UtteranceTable(Path(header["file"]), Path(header["folder"]), ids, audio, texts, speakers, *numbers)
    except (OSError, ValueError, KeyError):
        return None
