"""Leave one speaker out: the honest figure for speakers whom the recogniser has never heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from asrtrain import run_folder
from asrtrain.app.chosen import of_split
from asrtrain.app.fit import check_circle, load_settings, prepare, train_in
from asrtrain.app.scores import write_scores
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import Checkpoint, load_system
from asrtrain.assembly import cache_folder, choose_device, evaluate_on
from asrtrain.data.data_config import Splits
from asrtrain.errors import DataError
from asrtrain.evaluation import EvalReport
from asrtrain.files.names import distinct_names
from asrtrain.run_config import RunConfig

_ROOM = 40
"""Bytes of a fold's name that are left for those of the runs that its hybrid is aligned and begun by."""

_ROLES = {"align_from": "aligner", "start_from": "start"}
"""What runs that a fold is trained by are called."""


@dataclass(frozen=True)
class CrossvalReport:
    """The report of every fold, by the speaker who was left out of its training."""

    folder: Path
    folds: dict[str, EvalReport]

    @property
    def mean(self) -> float:
        """The mean of the folds' accuracies, or of their word error rates."""
        figures = list(self.figures.values())
        return sum(figures) / len(figures)

    @property
    def figures(self) -> dict[str, float]:
        """The accuracy or the word error rate of every fold, by its speaker."""
        return {speaker: fold.accuracy if self.classifies else fold.words.rate for speaker, fold in self.folds.items()}

    @property
    def classifies(self) -> bool:
        """Whether the figures are accuracies."""
        return next(iter(self.folds.values())).task == "classification"

    def to_text(self) -> str:
        """A table, one speaker a line."""
        name, width = "%ACC" if self.classifies else "%WER", max(map(len, [*self.folds, "speaker"]))
        rows = [f"{speaker:{width}}  {100 * figure:6.2f}" for speaker, figure in self.figures.items()]
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
    check_circle(settings)
    speakers = speakers_left_out(config, settings)
    folder = Path(output) if output is not None else run_folder.new_folder(settings, f"{Path(config).stem}-crossval")
    names, folds = distinct_names(speakers, _ROOM), {}
    for speaker in speakers:
        fold = leaving_out(settings, speaker)
        splits = fold.data.load(cache_folder())
        run = _train_fold(fold, splits, folder / names[speaker], target)
        chosen = of_split(splits.test, "test", checkpoint)
        report = evaluate_on(load_system(run, checkpoint, device), splits.test, chosen.name)
        folds[speaker] = replace(report, data=chosen.data)
        write_scores(folds[speaker], run)
    return CrossvalReport(folder, folds)


def speakers_left_out(config: str | Path, settings: RunConfig) -> list[str]:
    """The speakers of the folds. Raises DataError, naming the file, if there are not two with names."""
    speakers = sorted({utterance.speaker for utterance in settings.data.load_test(cache_folder())})
    if len(speakers) < 2 or "" in speakers:
        raise DataError(f"{config}: crossval needs a data.test with two or more named speakers, found {speakers}")
    return speakers


def check_named_runs(config: RunConfig) -> None:
    """Raise CheckpointError if a run that a hybrid is to be aligned or begun by is not there."""
    for run in config.named_runs.values():
        _config_of(run)


def _config_of(run: Path) -> RunConfig:
    """The configuration of a run, which may be given by itself. Raises CheckpointError, UsageError."""
    return load_settings(run, (), None) if run.is_file() else run_folder.read_config(run_folder.find(run))


def leaving_out(config: RunConfig, speaker: str) -> RunConfig:
    """The configuration of one fold: a run of its own, which can be repeated and scored as any other."""
    return config.model_copy(update={"data": config.data.model_copy(update={"leave_out": speaker})})


def _train_fold(config: RunConfig, splits: Splits, folder: Path, device: torch.device) -> Path:
    """Train one fold in its folder; after runs like those that it names, each once, without the speaker too."""
    trained: dict[Path, Path] = {}
    for key, run in config.named_runs.items():
        if run not in trained:
            own = _config_of(run).model_copy(update={"data": config.data})
            trained[run] = _train_fold(own, splits, folder.with_name(f"{folder.name}-{_ROLES[key]}"), device)
    config = config.with_named_runs({key: trained[run] for key, run in config.named_runs.items()})
    system = prepare(config, splits, device)
    return train_in(folder, system, splits)
