"""Paired comparisons: the same run with other settings, several seeds each, and what is real of the difference."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from asrtrain import run_folder
from asrtrain.app.counts import check_count
from asrtrain.app.fit import load_settings, prepare, train_in
from asrtrain.app.identity import fingerprint_of, identity_of_data
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import checkpoint_path, load_system
from asrtrain.assembly import cache_folder, choose_device, evaluate_on
from asrtrain.comparison import Comparison, Trial, Variant, variants_of
from asrtrain.comparison.trial import divergence, spikes, steps_to
from asrtrain.errors import CheckpointError, Interrupted, TrainingError, UsageError
from asrtrain.evaluation import EvalReport
from asrtrain.files.json_text import read_record
from asrtrain.files.reading import LARGEST_SETTINGS, read_text
from asrtrain.files.sealed import seal, unseal
from asrtrain.reporting import draw_comparison, pictures_beside, require_pictures
from asrtrain.reporting.measurements import read_rows
from asrtrain.training import weights_hash
from asrtrain.training.durable import write_file
from asrtrain.training.signals import listening
from asrtrain.types import Utterance

_TRIAL = "trial.json"
COMPARISON = "comparison.json"
_MOST_SEEDS = 10_000
"""More tell no difference that matters."""


def compare(
    config: str | Path,
    *,
    rules: Sequence[str] = (),
    varied: Sequence[str] = (),
    seeds: int = 5,
    jobs: int = 1,
    overrides: Sequence[str] = (),
    target: float | None = None,
    gap: bool = False,
    output: str | Path | None = None,
    device: str = "auto",
) -> Comparison:
    """Train every variant with the same seeds and data order, score all on the test data, and compare with the first.

    ``rules`` and ``varied`` are as in `variants_of`. ``jobs`` runs train side by side, each on one thread. ``target``
    is a development metric (0 to 1) to be reached, ``gap`` scores the training data too. A stopped comparison goes on
    where it was, given the same ``output``. Raises UsageError, DataError, CheckpointError, Interrupted; a run that
    diverges is a finding, no error.
    """
    use_threads_deliberately()
    require_pictures()
    check_count("--jobs", jobs)
    if not 1 <= seeds <= _MOST_SEEDS:
        raise UsageError(f"--seeds {seeds}: give 1 to {_MOST_SEEDS:,}")
    if target is not None and not 0 <= target <= 1:
        raise UsageError(f"--target {target:g}: give an accuracy or word error rate, 0 to 1, for example 0.95")
    settings = load_settings(Path(config), overrides, None)
    variants = variants_of(rules, varied)
    folder = Path(output) if output else run_folder.new_folder(settings, f"{Path(config).stem}-compare")
    for variant in variants:  # a mistake in any of them is told before hours of training
        load_settings(Path(config), [*overrides, *variant.overrides], None)
    orders = [
        _Order(
            variant, settings.seed + number, Path(config), (*overrides, *variant.overrides), folder, target, gap, device
        )
        for number in range(seeds)
        for variant in variants
    ]
    trials = _in_processes(orders, jobs) if jobs > 1 else _one_by_one(orders)
    figure = "accuracy" if settings.task == "classification" else "wer"
    by_variant = {v.label: [trial for trial in trials if trial.variant == v.label] for v in variants}
    comparison = Comparison(by_variant, figure)
    write_file(folder / COMPARISON, seal(comparison.to_json()).encode())
    scores = {label: [comparison.score(trial) for trial in own] for label, own in by_variant.items()}
    with pictures_beside(folder / COMPARISON):
        draw_comparison(scores, figure, folder / "comparison.png")
    return comparison


@dataclass(frozen=True, slots=True)
class _Order:
    """One run to be made."""

    variant: Variant
    seed: int
    config: Path
    overrides: tuple[str, ...]
    folder: Path
    target: float | None
    gap: bool
    device: str

    @property
    def run(self) -> Path:
        return self.folder / self.variant.folder / f"seed-{self.seed}"

    @property
    def settings(self) -> tuple[str, ...]:
        return (*self.overrides, f"seed={self.seed}")


def _one_by_one(orders: Sequence[_Order]) -> list[Trial]:
    trials: list[Trial] = []
    # Between runs too: what Python itself raises for Ctrl-C is lost where memory is being cleared up.
    with listening() as stop:
        for order in tqdm(orders, unit="run", disable=None):
            if stop.signal:
                raise Interrupted(f"{stop.signal}: {len(trials)} runs are kept; run the same command again to continue")
            trials.append(_trial(order))
    return trials


def _in_processes(orders: Sequence[_Order], jobs: int) -> list[Trial]:
    # A fresh interpreter for every worker: forking a process that has used torch's threads may hang.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(tqdm(pool.map(_trial, orders), total=len(orders), unit="run", disable=None))


def _trial(order: _Order) -> Trial:
    """Make one run, or find it made; what is asked about it may differ from one comparison to the next."""
    test = load_settings(order.config, order.settings, None).data.load_split("test", cache_folder())
    trial = _found(order) if (order.run / _TRIAL).is_file() else _made(order)
    if trial.scored != _scored_by(order, test):
        errors, totals = _scored(order, test)
        trial = replace(trial, errors=errors, totals=totals, gap=None, scored=_scored_by(order, test))
    if order.gap and trial.gap is None:
        trial = replace(trial, gap=_gap(order, trial))
    write_file(order.run / _TRIAL, seal(asdict(trial)).encode())
    epochs = read_rows(order.run / "metrics.jsonl", "epoch")
    reached = None if order.target is None else steps_to(order.target, epochs)
    return replace(trial, steps_to_target=reached, gap=trial.gap if order.gap else None)


def _found(order: _Order) -> Trial:
    """Raises UsageError if it is a run of another configuration or on other data, CheckpointError if it is damaged."""
    settings = load_settings(order.config, order.settings, None)
    run_folder.check(order.run, settings, fingerprint_of(settings, settings.data.load(cache_folder()), cache_folder()))
    path = order.run / _TRIAL
    try:
        return read_record(Trial, unseal(read_text(path, LARGEST_SETTINGS, CheckpointError)))
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged, or of another version of asrtrain: delete it") from error


def _made(order: _Order) -> Trial:
    """A trained run, which is not scored yet."""
    use_threads_deliberately()
    order.run.parent.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    lost = _train(order)
    seconds = time.process_time() - began
    steps = read_rows(order.run / "metrics.jsonl", "step")
    found, survived = spikes(steps)
    return Trial(
        variant=order.variant.label,
        seed=order.seed,
        errors=[],
        totals=[],
        diverged=lost or divergence(steps),
        gap=None,
        steps=len(steps),
        steps_to_target=None,
        clipped_share=sum(bool(row["clipped"]) for row in steps) / max(1, len(steps)),
        spikes=found,
        spikes_survived=survived,
        cpu_seconds=seconds,
    )


def _train(order: _Order) -> str:
    """Train; returns why the run was lost, or nothing. ``runs/latest`` stays what it was."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        try:
            settings = load_settings(order.config, order.settings, None)
            splits = settings.data.load(cache_folder())
            system = prepare(settings, splits, choose_device(order.device))
            train_in(order.run, system, splits)
        except TrainingError as error:
            return str(error)
    return ""


def _scored_by(order: _Order, test: Sequence[Utterance]) -> str:
    """What a trial's errors are of: the test data, and the weights that are scored."""
    data, weights = identity_of_data(test, "data.test", cache_folder()), ""
    if _has_weights(order):
        weights = weights_hash(checkpoint_path(order.run, "best").resolve())
    return f"{data.fingerprint} {weights}"


def _scored(order: _Order, test: Sequence[Utterance]) -> tuple[list[int], list[int]]:
    """Errors and totals of every test utterance by what the run leaves behind.

    A run that left no weights behind gets everything wrong.
    """
    config = run_folder.read_config(order.run)
    if not _has_weights(order):
        totals = [_total(utterance, words=config.task == "transcription") for utterance in test]
        return totals, totals
    system = load_system(order.run, "best", order.device)
    return _errors(evaluate_on(system, test, "test"))


def _gap(order: _Order, trial: Trial) -> float | None:
    """How many more errors there are on the test data than on the training data; None for a run without weights."""
    if not _has_weights(order):
        return None
    system = load_system(order.run, "best", order.device)
    train = system.config.data.load_split("train", cache_folder())
    errors, totals = _errors(evaluate_on(system, train, "train"))
    return trial.rate - sum(errors) / max(1, sum(totals))


def _has_weights(order: _Order) -> bool:
    return (order.run / "checkpoints" / "best").exists()


def _errors(report: EvalReport) -> tuple[list[int], list[int]]:
    if report.task == "classification":
        return [int(not outcome.correct) for outcome in report.outcomes], [1] * len(report.outcomes)
    words = [outcome.words for outcome in report.outcomes]
    return [counts.errors for counts in words], [counts.reference for counts in words]


def _total(utterance: Utterance, *, words: bool) -> int:
    return len(utterance.text.split()) if words else 1
