"""One utterance after recognition: what was said, what was recognised, and how the two line up."""

from __future__ import annotations

from dataclasses import dataclass

from asrtrain.evaluation.alignment import Counts, Pair, align, count
from asrtrain.types import Hypothesis, Seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """An utterance's reference beside its hypothesis."""

    id: str
    speaker: str
    duration: Seconds
    reference: str
    hypothesis: Hypothesis

    @property
    def correct(self) -> bool:
        return self.reference == self.hypothesis.text

    @property
    def word_pairs(self) -> list[Pair]:
        return align(self.reference.split(), self.hypothesis.text.split())

    @property
    def words(self) -> Counts:
        return count(self.word_pairs)

    @property
    def characters(self) -> Counts:
        """Edits between the characters, spaces between words included."""
        return count(align(list(self.reference), list(self.hypothesis.text)))
