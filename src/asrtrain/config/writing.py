"""Writes plain data as YAML that `yaml12` reads back as the same data, whatever the environment."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from asrtrain.config.environment import escape
from asrtrain.config.place import Plain
from asrtrain.config.scalars import resolve_scalar

_PLAIN = re.compile(r"[A-Za-z0-9_./+~-](?:[A-Za-z0-9_./+~ -]*[A-Za-z0-9_./+~-])?")
_INDENT = "  "


def block(data: Mapping[str, Plain], depth: int = 0) -> Iterator[str]:
    """The lines of a mapping, a key a line; lists of scalars stay on one line."""
    for key, value in data.items():
        yield from entry(key, value, depth)


def entry(key: str, value: Plain, depth: int = 0) -> Iterator[str]:
    """The lines of one key and its value."""
    margin = _INDENT * depth
    if isinstance(value, dict) and value:
        yield f"{margin}{_text(key)}:"
        yield from block(value, depth + 1)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield f"{margin}{_text(key)}:"
        yield from (f"{margin}- {inline(item)}" for item in value)
    else:
        yield f"{margin}{_text(key)}: {inline(value)}"


def inline(value: Plain) -> str:
    """A value on one line: ``[0.9, 1.1]``, ``{name: none}``."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(escape(value))
    if value is None:
        return "null"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{value:+}".replace("inf", ".inf").lstrip("+")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _text(text: str) -> str:
    """Text as it is where YAML takes it for text, else in double quotes."""
    plain = _PLAIN.fullmatch(text) and not text.startswith(("-", "+", "~")) and isinstance(resolve_scalar(text), str)
    return text if plain else '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08X}"
