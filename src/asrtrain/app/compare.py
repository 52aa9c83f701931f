"""Paired comparisons: the same run with other settings, several seeds each, and what is real of the difference."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from asrtrain import run_folder
from asrtrain.app.fit import fit, load_settings
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import load_recogniser
from asrtrain.assembly import cache_folder, evaluate_on
from asrtrain.comparison import Comparison, Trial, Variant, variants_of
from asrtrain.comparison.trial import divergence, spikes, steps_to
from asrtrain.errors import TrainingError, UsageError
from asrtrain.evaluation import EvalReport
from asrtrain.reporting import draw_comparison
from asrtrain.reporting.measurements import read_rows
from asrtrain.types import Utterance

_TRIAL = "trial.json"
COMPARISON = "comparison.json"


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
    if seeds < 1 or jobs < 1:
        raise UsageError(f"--seeds {seeds} --jobs {jobs}: both must be 1 or more")
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
    trials = _in_processes(orders, jobs) if jobs > 1 else [_trial(order) for order in tqdm(orders, unit="run")]
    figure = "accuracy" if settings.task == "classification" else "wer"
    by_variant = {v.label: [trial for trial in trials if trial.variant == v.label] for v in variants}
    comparison = Comparison(by_variant, figure)
    run_folder.write_whole(folder / COMPARISON, json.dumps(comparison.to_json(), indent=2) + "\n")
    scores = {label: [comparison.score(trial) for trial in own] for label, own in by_variant.items()}
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


def _in_processes(orders: Sequence[_Order], jobs: int) -> list[Trial]:
    # A fresh interpreter for every worker: forking a process that has used torch's threads may hang.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(tqdm(pool.map(_trial, orders), total=len(orders), unit="run"))


def _trial(order: _Order) -> Trial:
    """Make one run, or find it made."""
    done = order.run / _TRIAL
    if done.is_file():
        return Trial(**json.loads(done.read_text(encoding="utf-8")))
    use_threads_deliberately()
    order.run.parent.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    lost = _train(order)
    seconds = time.process_time() - began
    steps, epochs = read_rows(order.run / "metrics.jsonl", "step"), read_rows(order.run / "metrics.jsonl", "epoch")
    errors, totals, gap = _scored(order)
    found, survived = spikes(steps)
    trial = Trial(
        variant=order.variant.label,
        seed=order.seed,
        errors=errors,
        totals=totals,
        diverged=lost or divergence(steps),
        gap=gap,
        steps=len(steps),
        steps_to_target=None if order.target is None else steps_to(order.target, epochs),
        clipped_share=sum(bool(row["clipped"]) for row in steps) / max(1, len(steps)),
        spikes=found,
        spikes_survived=survived,
        cpu_seconds=seconds,
    )
    run_folder.write_whole(done, json.dumps(asdict(trial)) + "\n")
    return trial


def _train(order: _Order) -> str:
    """Train; returns why the run was lost, or nothing."""
    overrides = [*order.overrides, f"seed={order.seed}"]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        try:
            fit(order.config, overrides=overrides, output=order.run, device=order.device)
        except TrainingError as error:
            return str(error)
    return ""


def _scored(order: _Order) -> tuple[list[int], list[int], float | None]:
    """Errors and totals of every test utterance by what the run leaves behind, and the train-test gap if asked for.

    A run that left no weights behind gets everything wrong.
    """
    config = run_folder.read_config(order.run)
    test = config.data.load_split("test", cache_folder())
    if not (order.run / "checkpoints" / "best").exists():
        totals = [_total(utterance, words=config.task == "transcription") for utterance in test]
        return totals, totals, None
    recogniser = load_recogniser(order.run, "best", order.device)
    report = evaluate_on(recogniser, test, "test")
    errors, totals = _errors(report)
    if not order.gap:
        return errors, totals, None
    learnt = evaluate_on(recogniser, config.data.load_split("train", cache_folder()), "train")
    return errors, totals, _rate(report) - _rate(learnt)


def _errors(report: EvalReport) -> tuple[list[int], list[int]]:
    if report.task == "classification":
        return [int(not outcome.correct) for outcome in report.outcomes], [1] * len(report.outcomes)
    words = [outcome.words for outcome in report.outcomes]
    return [counts.errors for counts in words], [counts.reference for counts in words]


def _rate(report: EvalReport) -> float:
    return 1 - report.accuracy if report.task == "classification" else report.words.rate


def _total(utterance: Utterance, *, words: bool) -> int:
    return len(utterance.text.split()) if words else 1
