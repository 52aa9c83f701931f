"""One JSON object a line, with NeMo's keys: audio_filepath, text, duration, offset, speaker, and id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.columns import meanings
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.lines import read_lines, write_lines
from asrtrain.data.formats.paths import one_line, relative_audio
from asrtrain.types import Source, Utterance

_MOST_DIGITS = 30


def read_jsonl(path: Path, complaints: list[Complaint]) -> list[Entry]:
    """Read a JSON Lines manifest."""
    entries = []
    for number, line in read_lines(path, complaints):
        source = Source(path, number)
        try:
            entries.append(_entry(_object(line), source))
        except ValueError as error:
            complaints.append(Complaint("malformed", str(error), source))
    return entries


def write_jsonl(utterances: Sequence[Utterance], path: Path) -> None:
    """Write a JSON Lines manifest."""
    write_lines(path, (json.dumps(_written(u, path.parent), ensure_ascii=False) for u in utterances))


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_int=_whole, parse_constant=_refuse_constant, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError(f'expected an object {{"audio_filepath": …, "text": …}}, found {line[:40]!r}')
    return value


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"{digits[:_MOST_DIGITS]}… is a number of {len(digits)} digits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError(f"a key occurs twice in {', '.join(repr(key) for key, _ in pairs)}")
    return values


def _entry(values: dict[str, Any], source: Source) -> Entry:
    if values.get("type") in ("command", "url"):
        raise ValueError(f"audio of type {values['type']!r}; commands are never run and nothing is fetched: use files")
    found = {meaning: values[key] for meaning, key in meanings(values).items() if values[key] is not None}
    audio, text, name, speaker = (_string(what, found.get(what, "")) for what in ("audio", "text", "id", "speaker"))
    duration, offset = (_number(what, found.get(what)) for what in ("duration", "offset"))
    return Entry(source, audio, text, name, speaker, duration, offset)


def _string(what: str, value: object) -> str:
    """Text, or a whole number as text: speakers and labels are often numbered."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value).strip()
    raise ValueError(f"the {what} is {json.dumps(value)[:40]}; expected text in quotes")


def _number(what: str, value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ValueError(f"the {what} is {json.dumps(value)[:40]}; expected a number of seconds")


def _written(utterance: Utterance, folder: Path) -> dict[str, Any]:
    values = {
        "id": utterance.id,
        "audio_filepath": relative_audio(utterance.audio, folder),
        "text": one_line(utterance.text),
        "duration": utterance.duration,
        "offset": utterance.offset or None,
        "speaker": utterance.speaker or None,
    }
    return {key: value for key, value in values.items() if value is not None}
