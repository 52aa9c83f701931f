"""The utterances that are looked at first."""

from __future__ import annotations

from collections.abc import Sequence

from asrtrain.evaluation import EvalReport, Outcome
from asrtrain.types import Seconds

MOST = 8
LONGEST: Seconds = 8.0
"""Of a longer recording the beginning is kept."""


def worst_of(report: EvalReport) -> Sequence[Outcome]:
    """The utterances with the most errors, of equal ones the most confident; where none is wrong, the least confident.

    At most `MOST`.
    """
    wrong = [outcome for outcome in report.outcomes if not outcome.correct]
    if wrong:
        return sorted(wrong, key=lambda one: (-one.words.errors, -one.hypothesis.confidence, one.id))[:MOST]
    return sorted(report.outcomes, key=lambda one: (one.hypothesis.confidence, one.id))[:MOST]
