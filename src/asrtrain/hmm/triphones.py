"""Triphones: phones told apart by their neighbours, inside words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Triphone:
    """A phone between two others; None is the edge of the word, whatever is said beyond it."""

    left: str | None
    centre: str
    right: str | None

    def __str__(self) -> str:
        before = "" if self.left is None else f"{self.left}-"
        after = "" if self.right is None else f"+{self.right}"
        return f"{before}{self.centre}{after}"


Unit = str | Triphone
"""What has states of its own: a word, a character, a phone, or one of the last two between its neighbours."""


def in_context(units: Sequence[str]) -> tuple[Triphone, ...]:
    """The triphones of a word: ``w ah n`` are ``w+ah``, ``w-ah+n`` and ``ah-n``."""
    return tuple(map(Triphone, (None, *units[:-1]), units, (*units[1:], None)))


def centre(unit: Unit) -> str:
    """The unit without its neighbours."""
    return unit.centre if isinstance(unit, Triphone) else unit
