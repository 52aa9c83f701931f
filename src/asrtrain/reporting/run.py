"""All pictures of a run, from its log."""

from __future__ import annotations

from pathlib import Path

from asrtrain.reporting.curves import draw_curves
from asrtrain.reporting.gradients import draw_gradients
from asrtrain.reporting.measurements import read_rows

_RESULTS = "results"
_PICTURES = ("curves.png", "gradients.png")


def draw_missing(folder: Path) -> None:
    """Draw the pictures of a finished run if one is not there: deleted, or lost to a kill."""
    if not all((folder / _RESULTS / name).is_file() for name in _PICTURES):
        draw_run(folder)


def draw_run(folder: Path) -> None:
    """Draw ``results/curves.png`` and ``results/gradients.png`` from a run folder's ``metrics.jsonl``.

    A run without a single step has none.
    """
    log, results = folder / "metrics.jsonl", folder / _RESULTS
    steps, epochs = read_rows(log, "step"), read_rows(log, "epoch")
    if steps:
        draw_curves(steps, epochs, results / _PICTURES[0])
        names = [name for row in read_rows(log, "parameters") for name in row["names"]]
        draw_gradients(steps, names, results / _PICTURES[1])
