"""Errors by kind, with how sure they are."""

from __future__ import annotations

from asrtrain.evaluation import EvalReport
from asrtrain.evaluation.intervals import interval
from asrtrain.reporting.html.svg import Picture, sheet
from asrtrain.reporting.style import BLUE, INK

_KINDS = ("substitutions", "insertions", "deletions")


def error_figure(report: EvalReport, prefix: str) -> Picture:
    """Substitutions, insertions and deletions of a hundred reference words, with 95 % intervals."""
    counts = [outcome.words for outcome in report.outcomes]
    words = [each.reference for each in counts]
    total = max(1, sum(words))
    rates, ends = [], []
    for kind in _KINDS:
        errors = [getattr(each, kind) for each in counts]
        rates.append(100 * sum(errors) / total)
        ends.append([100 * end for end in interval(errors, words)])
    with sheet(f"{prefix}-errors", 2.0) as drawn:
        axes = drawn.figure.subplots()
        axes.barh(range(len(_KINDS)), rates, color=BLUE, height=0.6)
        for place, (low, high) in enumerate(ends):
            axes.plot([low, high], [place, place], color=INK, linewidth=2)
        axes.set_yticks(range(len(_KINDS)), _KINDS)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="of a hundred words; the line is the 95 % interval")
    told = (
        f"{kind} {rate:.2f} ({low:.2f} to {high:.2f})"
        for kind, rate, (low, high) in zip(_KINDS, rates, ends, strict=True)
    )
    return Picture("Errors by kind", drawn.svg, f"Of a hundred words, with 95 % intervals: {', '.join(told)}.")
