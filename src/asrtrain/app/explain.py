"""Explaining a step: from a run, by making it again up to there, or from a saved one."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import cast, final

from asrtrain import run_folder
from asrtrain.app.explanations import FOLDER, StepExplainer, write_explanation
from asrtrain.app.identity import fingerprint_of
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import gather_ingredients, recorded_steps
from asrtrain.assembly import (
    System,
    build_system,
    cache_folder,
    choose_device,
)
from asrtrain.config.loading import build_config
from asrtrain.data.data_config import Splits
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.diagnosis import Case, Explanation, Network
from asrtrain.diagnosis import explain as explain_case
from asrtrain.diagnosis.saved import load_step
from asrtrain.errors import CheckpointError, UsageError
from asrtrain.reporting import draw_explanation, require_pictures
from asrtrain.run_config import RunConfig
from asrtrain.training import train
from asrtrain.training.injection import InjectionConfig, PlantedFaults
from asrtrain.training.meaning import CURRENT_FORMAT, FORMAT
from asrtrain.training.records import StepRecord
from asrtrain.training.watch import ExplainConfig, Trouble

_REMEMBERED = 100


def explain(
    run: str | Path | None = None,
    *,
    step: int | None = None,
    batch: str | Path | None = None,
    plot: str | Path | None = None,
    device: str = "auto",
) -> Explanation:
    """Say which module, utterance and frame a step of a run went wrong with.

    ``step`` (from 1) is made again from the nearest checkpoint before it, bit for bit as it was on the same machine;
    left out, it is the worst one in the log: the first that was not finite, or the one furthest above the median norm
    before it. What is found is written into the run's folder ``explain`` too. ``batch`` is a step that was saved there
    (``step-N.safetensors``), which needs no run. ``plot`` is a PNG to be drawn.

    Raises UsageError, DataError, CheckpointError, TrainingError.
    """
    use_threads_deliberately()
    if plot is not None:
        require_pictures()
    if batch is not None:
        if run is not None or step is not None:
            raise UsageError("--batch replays a saved step by itself: leave out RUN and --step")
        explanation = _explain_saved(Path(batch), device)
    else:
        explanation = _explain_run(run_folder.find(None if run is None else Path(run)), step, device)
    if plot is not None:
        draw_explanation(explanation, Path(plot))
    return explanation


def _explain_saved(path: Path, device: str) -> Explanation:
    saved, target = load_step(path), choose_device(device)
    try:
        config = build_config(RunConfig, dict(saved.config))
        faults = tuple(build_config(InjectionConfig, dict(fault)) for fault in saved.planted)
    except UsageError as error:
        raise CheckpointError(f"{path} was saved by another version of asrtrain: {error}") from error
    system = build_system(config, Vocabulary(saved.symbols, config.data.unit), target)
    model = system.model
    try:
        model.load_state_dict(saved.weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path} was saved by another version of asrtrain: {error}") from error
    case = Case(
        saved.batch.to(target),
        saved.step,
        saved.epoch,
        () if saved.sound is None else (saved.sound.to(target),),
        # Without those of a GPU, dropout there is another; everything else is the same.
        saved.generators if target.type == "cpu" or "cuda" in saved.generators else None,
        saved.median,
        PlantedFaults(model, faults) if faults else None,
    )
    return explain_case(Network(model, config.training.precision), case)


def _explain_run(folder: Path, step: int | None, device: str) -> Explanation:
    config = run_folder.read_config(folder)
    records = recorded_steps(folder, config)
    wanted = _worst(records) if step is None else step
    if not 1 <= wanted <= records[-1].step:
        raise UsageError(f"--step {wanted}: {folder} has steps 1 to {records[-1].step}")
    splits = config.data.load(cache_folder())
    run_folder.check(folder, config, fingerprint_of(config, splits, cache_folder()))
    trusted = config.training.explain.after
    only = ExplainConfig(nonfinite=False, ratio_to_median=None, steps=(wanted,))
    config = config.model_copy(update={"training": config.training.model_copy(update={"explain": only})})
    vocabulary = Vocabulary.load(folder / run_folder.TOKENS, config.data.unit)
    system = build_system(config, vocabulary, choose_device(device))
    explanation = replace(_made_again(folder, system, splits, wanted), median=_median_before(records, wanted, trusted))
    write_explanation(explanation, folder / FOLDER)
    return explanation


def _made_again(folder: Path, system: System, splits: Splits, step: int) -> Explanation:
    """Train a copy of the run up to the step, and stop there."""
    config, ingredients = system.config, gather_ingredients(system, splits)
    with tempfile.TemporaryDirectory(prefix="asrtrain-explain-") as temporary:
        copy = Path(temporary)
        _copy_before(folder, copy, step)
        explainer = StepExplainer(folder, system)
        try:
            train(
                replace(ingredients, explain=_Stopping(explainer)),
                config.training,
                copy,
                seed=config.seed,
                device=system.device,
                metadata={FORMAT: CURRENT_FORMAT},
            )
        except _Reached:
            assert explainer.newest is not None
            return explainer.newest
    raise CheckpointError(
        f"{folder}: the run, made again, does not come to step {step}: its data or program has changed"
    )


def _copy_before(folder: Path, copy: Path, step: int) -> None:
    """What is needed to go on from the newest checkpoint before a step; nothing, where there is none."""
    before = [path for path in (folder / "checkpoints").glob("last-*-*") if int(path.name.rpartition("-")[2]) < step]
    if not before:
        return
    for path in (*(folder / "checkpoints").glob("epoch-*"), max(before, key=lambda path: path.name)):
        shutil.copytree(path, copy / "checkpoints" / path.name)
    for path in folder.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy2(path, copy / path.name)


@final
class _Reached(Exception):  # noqa: N818 - it is no error, but the end of the road
    """The step was made again, and explained."""


@final
class _Stopping:
    """An explainer after which the run is not to go on."""

    def __init__(self, explainer: StepExplainer) -> None:
        self._explainer = explainer

    def __call__(self, trouble: Trouble) -> str:
        self._explainer.explained(trouble)
        raise _Reached


def _worst(records: Sequence[StepRecord]) -> int:
    """The first step that was not finite, or the one furthest above the median norm before it."""
    lost = next((record.step for record in records if record.loss is None or record.norm_before is None), None)
    if lost is not None:
        return lost
    return max(records, key=lambda record: _ratio(records, record)).step


def _ratio(records: Sequence[StepRecord], record: StepRecord) -> float:
    usual = _median_before(records, record.step)
    return cast(float, record.norm_before) / usual if usual else 0.0


def _median_before(records: Sequence[StepRecord], step: int, least: int = 1) -> float | None:
    """The median norm of the steps before; None where fewer than ``least`` of them are known."""
    norms = [r.norm_before for r in records[max(0, step - 1 - _REMEMBERED) : step - 1] if r.norm_before is not None]
    finite = [norm for norm in norms if math.isfinite(norm)]
    return median(finite) if len(finite) >= least else None
