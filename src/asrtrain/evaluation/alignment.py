"""Aligning what was recognised with what was said: the Levenshtein alignment, through rapidfuzz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tokens were said, and how many were substituted, inserted and deleted; counts add up."""

    reference: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    @property
    def errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """Errors a reference token, 0 to any height; insertions where nothing was said count as one whole."""
        if self.reference:
            return self.errors / self.reference
        return float(self.errors > 0)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.reference + other.reference,
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
        )


Pair = tuple[str | None, str | None]
"""A token said and the token recognised for it; None where there is none."""


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Pair]:
    """The alignment with the fewest edits, in reading order."""
    pairs: list[Pair] = []
    for step in Levenshtein.opcodes(list(reference), list(hypothesis)):
        said = list(reference[step.src_start : step.src_end])
        heard = list(hypothesis[step.dest_start : step.dest_end])
        width = max(len(said), len(heard))
        padded_said: list[str | None] = [*said, *[None] * (width - len(said))]
        padded_heard: list[str | None] = [*heard, *[None] * (width - len(heard))]
        pairs.extend(zip(padded_said, padded_heard, strict=True))
    return pairs


def count(pairs: Sequence[Pair]) -> Counts:
    """Count the edits of an alignment."""
    return Counts(
        reference=sum(said is not None for said, _ in pairs),
        substitutions=sum(said is not None and heard is not None and said != heard for said, heard in pairs),
        insertions=sum(said is None for said, _ in pairs),
        deletions=sum(heard is None for _, heard in pairs),
    )
