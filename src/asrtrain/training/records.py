"""One line of the run log: a step, or an epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from asrtrain.training.step import Reason, StepReport


@dataclass(frozen=True, slots=True)
class StepRecord:
    """The numbers of one step (``step`` and ``epoch`` from 1). None stands for what is not finite or was not done.

    ``coefficient`` is the norm after clipping by the one before; ``clipped_share`` the share of changed elements.
    """

    step: int
    epoch: int
    loss: float | None
    utterances: int
    counted: int
    norm_before: float | None
    norm_after: float | None
    coefficient: float | None
    threshold: float | None
    clipped: bool
    clipped_share: float
    lr: float
    loss_scale: float
    stepped: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The numbers of one epoch: losses an utterance, the development metric, and how many steps were clipped."""

    step: int
    epoch: int
    train_loss: float | None
    dev_loss: float | None
    dev_metric: float | None
    metric: str
    best: bool
    steps: int
    clipped_steps: int
    skipped_steps: int


@final
class StepBuffer:
    """Reports of steps whose numbers are still on the device; they are read all at once."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, StepReport]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, step: int, epoch: int, report: StepReport) -> None:
        """Put a report in; nothing waits for the device."""
        self._waiting.append((step, epoch, report))

    def drain(self) -> list[tuple[StepRecord, StepReport]]:
        """Read everything out. The host waits for the device here."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return []
        table = torch.stack([_numbers(report) for _, _, report in waiting]).tolist()
        return [
            (_record(step, epoch, report, row), report)
            for (step, epoch, report), row in zip(waiting, table, strict=True)
        ]


def _numbers(report: StepReport) -> torch.Tensor:
    """(7,) float64: loss, counted, norms before and after, threshold, clipped, clipped share."""
    clip = report.clip
    if clip is None:
        nothing = torch.full_like(report.norm, math.nan)
        numbers = [report.loss, report.counted, report.norm, nothing, nothing, nothing, nothing]
    else:
        after = (clip.norm_after, clip.threshold, clip.clipped, clip.clipped_share)
        numbers = [report.loss, report.counted, report.norm, *after]
    return torch.stack([number.detach().double() for number in numbers])


def _record(step: int, epoch: int, report: StepReport, row: Sequence[float]) -> StepRecord:
    loss, counted, before, after, threshold, clipped, share = row
    reason = report.reason
    if not reason and report.clip is not None:
        # A step that was taken before its numbers were known is judged here.
        reason = "loss" if not math.isfinite(loss) else "gradient" if not math.isfinite(before) else ""
    return StepRecord(
        step, epoch, finite(loss), len(report.ids), int(counted), finite(before), finite(after),
        finite(after / before) if before > 0 else None, finite(threshold), clipped == 1, finite(share) or 0.0,
        report.lr, report.loss_scale, report.clip is not None, reason,
    )  # fmt: skip


def finite(value: float) -> float | None:
    """The value, or None for NaN and infinities, which JSON does not have."""
    return value if math.isfinite(value) else None
