"""JSON that carries a checksum of itself, so that a digit that has changed on the disk is not taken for a figure.

What was written without one, by older versions, is read as it is.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

from asrtrain.files.json_text import parse_json

_SEAL, _LINE_SEAL = "sha256", "crc"
_BEFORE_LINE_SEAL = f', "{_LINE_SEAL}": '


def seal(values: Mapping[str, Any], indent: int = 2) -> str:
    """A document with the SHA-256 of its values as the last of them."""
    plain = json.loads(json.dumps(values))
    return json.dumps({**plain, _SEAL: _hash(plain)}, indent=indent) + "\n"


def unseal(text: str | bytes) -> dict[str, Any]:
    """The values of a document. Raises ValueError for what is no JSON object, or is not as it was sealed."""
    values = parse_json(text)
    if not isinstance(values, dict):
        raise ValueError("holds no named values")
    if values.pop(_SEAL, None) not in (None, _hash(values)):
        raise ValueError(f"its values do not match their {_SEAL}")
    return values


def seal_line(line: str) -> str:
    """A line of JSON Lines, ``{…}`` and its end, with the CRC-32 of what comes before as its last value."""
    return f"{line[:-2]}{_BEFORE_LINE_SEAL}{zlib.crc32(line[:-2].encode())}}}\n"


def unseal_line(line: str | bytes) -> dict[str, Any]:
    """The values of a line. Raises ValueError as ``unseal`` does."""
    text = line.decode() if isinstance(line, bytes) else line
    values = parse_json(text)
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    if values.pop(_LINE_SEAL, None) not in (None, zlib.crc32(text.rpartition(_BEFORE_LINE_SEAL)[0].encode())):
        raise ValueError(f"its values do not match their {_LINE_SEAL}")
    return values


def _hash(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
