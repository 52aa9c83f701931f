"""One object of a JSON manifest: what the standard allows and a manifest can use."""

from __future__ import annotations

import json
from typing import Any, NoReturn

MOST_DIGITS = 30


def read_object(text: str, place: int = 0) -> tuple[dict[str, Any], int]:
    """The object that begins at ``place``, and where it ends. Raises ValueError saying what is wrong."""
    try:
        value, end = _DECODER.raw_decode(text, place)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise ValueError(f"not JSON at {line}column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    if not isinstance(value, dict):
        found = text[place : place + 40].partition("\n")[0]
        raise ValueError(f'expected an object {{"audio_filepath": …, "text": …}}, found {found!r}')
    return value, end


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"{digits[:MOST_DIGITS]}… is a number of {len(digits)} digits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError(f"a key occurs twice in {', '.join(repr(key) for key, _ in pairs)}")
    return values


_DECODER = json.JSONDecoder(parse_int=_whole, parse_constant=_refuse_constant, object_pairs_hook=_without_doubles)
