"""Complaints about data: collected, all of them, and told together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from asrtrain.errors import DataError
from asrtrain.types import Source

SHOWN = 50


@final
@dataclass(frozen=True, slots=True)
class Complaint:
    """One sentence about a line, an utterance, or the whole. ``kind`` is a key of ``validation.KINDS``.

    ``utterance`` is the id of the utterance that would have to go, and empty where there is none.
    """

    kind: str
    message: str
    source: Source | None = None
    utterance: str = ""

    def __str__(self) -> str:
        """``train.csv:17: the audio file …``; without a line, the utterance's id stands for it."""
        place = self.source or self.utterance
        return f"{place}: {self.message}" if place else self.message


def listing(lines: Sequence[str], most: int = SHOWN) -> str:
    """One under the other, and how many more there are."""
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def raise_any(complaints: Sequence[Complaint]) -> None:
    """Raise one DataError that tells every complaint (the first 50, and how many more), if there is any."""
    if complaints:
        raise DataError(listing([str(complaint) for complaint in complaints]))
