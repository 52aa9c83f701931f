"""Scoring a trained recogniser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import final

from asrtrain import run_folder
from asrtrain.app.chosen import choose
from asrtrain.app.scores import write_scores
from asrtrain.app.sharding import Shard
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import Checkpoint, load_system
from asrtrain.app.workers import in_order
from asrtrain.assembly import evaluate_on, ordered_loader, scoring_dataset
from asrtrain.batching import Loader
from asrtrain.data.data_config import SplitName
from asrtrain.evaluation import EvalReport, recognise
from asrtrain.reporting import require_pictures
from asrtrain.types import Hypothesis, Utterance


def evaluate(
    run: str | Path | None = None,
    *,
    data: str | Path | None = None,
    split: SplitName = "test",
    checkpoint: Checkpoint = "best",
    device: str = "auto",
    nproc: int = 1,
    shard: str | None = None,
) -> EvalReport:
    """Score a run on one of its splits, or on a manifest, and write the details into its folder ``results``.

    ``nproc`` processes share the batches, one a GPU where there are GPUs; the results are those of one. ``shard``,
    ``2/8`` for example, scores that part only, under a name of its own; it may be empty. Raises UsageError, DataError,
    CheckpointError, and TrainingError if one of several processes is ended.
    """
    use_threads_deliberately()
    folder = run_folder.find(None if run is None else Path(run))
    system = load_system(folder, checkpoint, device)
    if system.task == "classification":
        require_pictures()
    part = Shard.parse(shard)
    chosen = choose(system.config.data, data, split, checkpoint)
    own, name = part.of(chosen.utterances), part.named(chosen.name)
    if chosen.utterances and not own:
        report = EvalReport(system.task, name, [], 0.0, origin=system.origin)
    else:
        among = chosen.utterances if part.count > 1 else None
        work = _Work(folder, checkpoint, device, tuple(own), None if among is None else tuple(among))
        report = evaluate_on(system, own, name, None if nproc == 1 else partial(_shared, work, nproc), among)
    report = replace(report, data=replace(chosen.data, part=str(part)))
    write_scores(report, folder)
    return report


@final
@dataclass(frozen=True, slots=True)
class _Work:
    """What a process needs to know to score batches of these utterances."""

    folder: Path
    checkpoint: Checkpoint
    device: str
    utterances: tuple[Utterance, ...]
    among: tuple[Utterance, ...] | None

    def __call__(self) -> Callable[[int], list[Hypothesis]]:
        one = load_system(self.folder, self.checkpoint, self.device)
        loader = ordered_loader(one, scoring_dataset(one, self.utterances, self.among))

        def score(number: int) -> list[Hypothesis]:
            batch = next(loader.epoch(0, number))
            return list(recognise(one.model, [batch], one.search, one.device))

        return score


def _shared(work: _Work, nproc: int, loader: Loader) -> dict[str, Hypothesis]:
    """Whole batches go to the processes, so that each is what it is in one process, to the bit."""
    heard = in_order(nproc, work, range(loader.batches_per_epoch))
    return {hypothesis.id: hypothesis for batch in heard for hypothesis in batch}
