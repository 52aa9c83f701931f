"""Which epochs are worth keeping, by the development part alone."""

from __future__ import annotations

from dataclasses import asdict
from functools import cmp_to_key, partial
from typing import Any

from asrtrain.training.config import TrainingConfig
from asrtrain.training.interface import Criterion, Validation
from asrtrain.training.state import KeptEpoch, Progress


def judge_epoch(progress: Progress, validation: Validation, config: TrainingConfig) -> bool:
    """Take note of the epoch just finished: is it the best so far, and is it among those to average?

    Returns whether it is the best.
    """
    epoch = KeptEpoch(progress.epoch, validation)
    best = validation.better_than(progress.best.validation if progress.best else None, config.best_by)
    if best:
        progress.best = epoch
    progress.stale_epochs = 0 if best else progress.stale_epochs + 1
    candidates = [*progress.kept, epoch]
    if config.average_of == "best":
        candidates.sort(key=cmp_to_key(partial(_best_first, config.best_by)))
        progress.kept = candidates[: config.average]
    else:
        progress.kept = candidates[-config.average :] if config.average else []
    return best


def judged(validation: Validation | None, by: Criterion) -> dict[str, Any]:
    """For the metadata of weights: how good they are and what that is judged by, or that it is not known."""
    if validation is None:
        return {"development": None}
    return {"development": asdict(validation), "chosen_by": validation.decided_by(by)}


def _best_first(by: Criterion, one: KeptEpoch, other: KeptEpoch) -> int:
    if one.validation.better_than(other.validation, by):
        return -1
    return 1 if other.validation.better_than(one.validation, by) else 0
