"""Scores in a run folder: figures, tables and, of single words, the picture of what was taken for what."""

from __future__ import annotations

from pathlib import Path

from asrtrain.evaluation import EvalReport, write_results
from asrtrain.reporting import draw_confusion


def write_scores(report: EvalReport, run: Path) -> None:
    """Write a report's details into the folder ``results`` of a run."""
    results = run / "results"
    write_results(report, results)
    if report.task == "classification" and report.outcomes:
        pairs = [(outcome.reference, outcome.hypothesis.text) for outcome in report.outcomes]
        draw_confusion(pairs, results / f"{report.name}-confusions.png", report.to_text().splitlines()[0])
