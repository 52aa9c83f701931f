"""Scores in a run folder: figures, tables and, of single words, the picture of what was taken for what."""

from __future__ import annotations

from pathlib import Path

from asrtrain.evaluation import EvalReport, keep_others, write_results
from asrtrain.reporting import draw_confusion, pictures_beside
from asrtrain.terminal import say

RESULTS = "results"


def write_scores(report: EvalReport, run: Path) -> None:
    """Write a report's details into the folder ``results`` of a run, and keep what is there of other data or weights.

    Says where they are on standard error. Raises OSError where that cannot be written.
    """
    results = run / RESULTS
    kept = keep_others(results, report)
    if kept is not None:
        say(f"{results / report.name}.json was of other data or weights: it is kept as {kept}.json")
    write_results(report, results)
    if report.task == "classification" and report.outcomes:
        pairs = [(outcome.reference, outcome.hypothesis.text) for outcome in report.outcomes]
        with pictures_beside(results / report.name):
            draw_confusion(pairs, results / f"{report.name}-confusions.png", report.to_text().splitlines()[0])
    say(f"details: {results / report.name}.txt, and tables of utterances, speakers and confusions beside it")
