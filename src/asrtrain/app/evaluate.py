"""Scoring a trained recogniser."""

from __future__ import annotations

from pathlib import Path

from asrtrain import run_folder
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import Checkpoint, chosen_utterances, load_recogniser
from asrtrain.assembly import evaluate_on
from asrtrain.data.data_config import SplitName
from asrtrain.evaluation import EvalReport, write_results
from asrtrain.reporting import draw_confusion


def evaluate(
    run: str | Path | None = None,
    *,
    data: str | Path | None = None,
    split: SplitName = "test",
    checkpoint: Checkpoint = "best",
    device: str = "auto",
) -> EvalReport:
    """Score a run on one of its splits, or on a manifest, and write the details into its folder ``results``.

    Raises UsageError, DataError, CheckpointError.
    """
    use_threads_deliberately()
    folder = run_folder.find(None if run is None else Path(run))
    recogniser = load_recogniser(folder, checkpoint, device)
    config = recogniser.config
    utterances, name = chosen_utterances(config.data, data, split)
    report = evaluate_on(recogniser, utterances, name)
    results = folder / "results"
    write_results(report, results)
    if report.task == "classification":
        pairs = [(outcome.reference, outcome.hypothesis.text) for outcome in report.outcomes]
        draw_confusion(pairs, results / f"{name}-confusions.png", report.to_text().splitlines()[0])
    return report
