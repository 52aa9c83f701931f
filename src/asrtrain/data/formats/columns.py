"""The names that toolkits give to the same things, in headers of tables and keys of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "audio": (
        "audio",
        "audio_filepath",
        "audio_filename",
        "wav",
        "wav_filename",
        "path",
        "file",
        "file_name",
        "source",
    ),
    "text": ("text", "sentence", "transcript", "transcription", "label", "wrd", "txt", "target"),
    "id": ("id", "utt_id", "key"),
    "speaker": ("speaker", "speaker_id", "client_id", "spk_id", "spk"),
    "duration": ("duration",),
    "offset": ("offset",),
}
_MEANING = {name: meaning for meaning, names in COLUMNS.items() for name in names}


def meanings(names: Iterable[str]) -> dict[str, str]:
    """Which name stands for which of ``COLUMNS``; names of nothing we use are left out.

    Raises ValueError if two names mean the same, or if audio or text is missing.
    """
    found: dict[str, str] = {}
    for name in names:
        meaning = _MEANING.get(name.strip().lower())
        if meaning in found:
            raise ValueError(f"{found[meaning]!r} and {name!r} both give the {meaning}: rename one of them")
        if meaning:
            found[meaning] = name
    for meaning in ("audio", "text"):
        if meaning not in found:
            raise ValueError(f"nothing gives the {meaning} (one of {', '.join(COLUMNS[meaning])})")
    return found


@final
@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table has what: ``places[meaning]`` counts from 0 of ``width`` columns named ``named``."""

    places: Mapping[str, int]
    named: frozenset[str]
    width: int

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """A row's values by meaning. Raises ValueError if the row is not as wide as the header."""
        if len(cells) != self.width:
            raise ValueError(f"{len(cells)} columns, where the header has {self.width}")
        return {meaning: cells[place] for meaning, place in self.places.items()}


def find_columns(header: Sequence[str]) -> Columns:
    """Understand a header. Raises ValueError where that is impossible."""
    found = meanings(header)
    named = frozenset(name.strip().lower() for name in header)
    return Columns({meaning: header.index(name) for meaning, name in found.items()}, named, len(header))
