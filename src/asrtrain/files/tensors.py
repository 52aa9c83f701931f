"""Files of tensors (safetensors), read after a look at their header."""

from __future__ import annotations

import os
from pathlib import Path

from asrtrain.errors import AsrtrainError
from asrtrain.files.json_text import parse_json
from asrtrain.files.reading import MIB, open_regular, read_file

_LARGEST_HEADER = 100 * MIB
"""Bytes, as safetensors itself has it."""


def read_tensors(path: Path, error: type[AsrtrainError]) -> bytes:
    """The content of a file that is as long as its header says. Raises ``error`` for anything else, and OSError."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_LARGEST_HEADER, size - 8):
            raise error(f"{path}: is no file of tensors")
        if size != 8 + length + _end(file.read(length)):
            raise error(f"{path}: is no file of tensors, or is damaged: it has {size:,} bytes")
    return read_file(path, size, error)


def _end(header: bytes) -> int:
    """Where the last tensor ends, counted from the end of the header; -1 if that cannot be told."""
    try:
        tensors = parse_json(header)
        return max((int(one["data_offsets"][1]) for name, one in tensors.items() if name != "__metadata__"), default=0)
    except (ValueError, LookupError, TypeError, AttributeError):
        return -1
