"""Leave one speaker out: the honest figure for speakers whom the recogniser has never heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asrtrain import run_folder
from asrtrain.app.fit import load_settings, prepare, train_in
from asrtrain.app.identity import fingerprint_of
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import Checkpoint, load_recogniser
from asrtrain.assembly import cache_folder, choose_device, evaluate_on
from asrtrain.errors import DataError
from asrtrain.evaluation import EvalReport, write_results
from asrtrain.run_config import RunConfig


@dataclass(frozen=True)
class CrossvalReport:
    """The report of every fold, by the speaker who was left out of its training."""

    folder: Path
    folds: dict[str, EvalReport]

    @property
    def mean(self) -> float:
        """The mean of the folds' accuracies, or of their word error rates."""
        figures = [_figure(report) for report in self.folds.values()]
        return sum(figures) / len(figures)

    def to_text(self) -> str:
        """A table, one speaker a line."""
        classifies = next(iter(self.folds.values())).task == "classification"
        name, width = "%ACC" if classifies else "%WER", max(map(len, [*self.folds, "speaker"]))
        rows = [f"{speaker:{width}}  {100 * _figure(report):6.2f}" for speaker, report in self.folds.items()]
        return "\n".join([f"{'speaker':{width}}  {name:>6}", *rows, f"{'mean':{width}}  {100 * self.mean:6.2f}"])

    def to_json(self) -> dict[str, Any]:
        """Every fold's figures, and their mean."""
        return {"mean": self.mean, "folds": {speaker: report.to_json() for speaker, report in self.folds.items()}}


def crossval(
    config: str | Path,
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    output: str | Path | None = None,
    checkpoint: Checkpoint = "best",
    device: str = "auto",
) -> CrossvalReport:
    """Train once for each speaker of ``data.test``, without that speaker, and score on that speaker's utterances.

    The speaker is taken out of the training and development data. A stopped crossval goes on where it was, given the
    same ``output``. Raises UsageError, DataError, TrainingError, CheckpointError, Interrupted.
    """
    use_threads_deliberately()
    settings, target = load_settings(Path(config), overrides, seed), choose_device(device)
    speakers = sorted({utterance.speaker for utterance in settings.data.load_test(cache_folder())})
    if len(speakers) < 2 or "" in speakers:
        raise DataError(f"{config}: crossval needs a data.test with two or more named speakers, found {speakers}")
    folder = Path(output) if output is not None else run_folder.new_folder(settings, f"{Path(config).stem}-crossval")
    folds = {}
    for speaker in speakers:
        fold = leaving_out(settings, speaker)
        splits = fold.data.load(cache_folder())
        recogniser = prepare(fold, splits, target)
        run_folder.start(folder / speaker, fold, fingerprint_of(splits))
        run = train_in(folder / speaker, recogniser, splits)
        folds[speaker] = evaluate_on(load_recogniser(run, checkpoint, device), splits.test, "test")
        write_results(folds[speaker], run / "results")
    return CrossvalReport(folder, folds)


def leaving_out(config: RunConfig, speaker: str) -> RunConfig:
    """The configuration of one fold: a run of its own, which can be repeated and scored as any other."""
    return config.model_copy(update={"data": config.data.model_copy(update={"leave_out": speaker})})


def _figure(report: EvalReport) -> float:
    return report.accuracy if report.task == "classification" else report.words.rate
