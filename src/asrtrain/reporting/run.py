"""All pictures of a run, from its log."""

from __future__ import annotations

from pathlib import Path

from asrtrain.reporting.curves import draw_curves
from asrtrain.reporting.gradients import draw_gradients
from asrtrain.reporting.measurements import read_rows


def draw_run(folder: Path) -> None:
    """Draw ``results/curves.png`` and ``results/gradients.png`` from a run folder's ``metrics.jsonl``.

    A run without a single step has none.
    """
    log, results = folder / "metrics.jsonl", folder / "results"
    steps, epochs = read_rows(log, "step"), read_rows(log, "epoch")
    if steps:
        draw_curves(steps, epochs, results / "curves.png")
        names = [name for row in read_rows(log, "parameters") for name in row["names"]]
        draw_gradients(steps, names, results / "gradients.png")
