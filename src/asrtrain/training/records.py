"""One line of the run log: a step, or an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import final

import torch

from asrtrain.training.step import Reason, StepReport

_DIGITS = ".6g"
"""Significant digits of the log, as many as float32 is good for. Norms and shares keep all: clipping is replayed from
them, and must come to the same numbers."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """The numbers of one step (``step`` and ``epoch`` from 1). None stands for what is not finite or was not done.

    Of the utterances some are counted, some infeasible (no alignment fits their transcript) and some dropped for a
    loss or gradient that was not finite. Norms are 2-norms of the gradient, ``coefficient`` is the one after clipping
    by the one before, ``cosine`` that of the angle between both gradients, ``clipped_share`` the share of changed
    elements. ``largest`` is the largest magnitude before clipping, and ``largest_at`` its parameter. ``update_ratio``
    is the norm of the weights' change by that of the weights, which is measured at every tenth step taken, and at all
    of them where a rule limits updates; ``update_clipped`` says whether it did. ``estimates`` are what the clipping
    rules have learned, and ``shares`` every parameter's share of the squared norm before clipping.
    """

    step: int
    epoch: int
    loss: float | None
    utterances: int
    counted: int
    infeasible: int
    dropped: int
    norm_before: float | None
    norm_after: float | None
    coefficient: float | None
    threshold: float | None
    clipped: bool
    clipped_share: float
    cosine: float | None
    largest: float | None
    largest_at: str | None
    update_ratio: float | None
    update_clipped: bool
    lr: float
    loss_scale: float
    stepped: bool
    reason: Reason
    estimates: Mapping[str, float | None] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


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
        tensors = [t for _, _, report in waiting for t in (*_figures(report).values(), *_learned(report).values())]
        norms = [report.clip.norms for _, _, report in waiting if report.clip is not None]
        row = torch.cat([torch.stack(tensors), *norms]).tolist()  # in float64, which the norms are in
        figures, shares = iter(row[: len(tensors)]), iter(row[len(tensors) :])
        return [(_record(step, epoch, report, figures, shares), report) for step, epoch, report in waiting]


_OF_CLIPPING = (
    "norm_after", "coefficient", "threshold", "clipped", "clipped_share", "cosine", "largest", "largest_at",
)  # fmt: skip


def _figures(report: StepReport) -> dict[str, torch.Tensor]:
    """What is measured at this step, each (), by its name in the record."""
    figures = {"loss": report.loss, "counted": report.counted, "norm_before": report.norm}
    if report.clip is not None:
        figures |= {name: getattr(report.clip, name) for name in _OF_CLIPPING}
    if report.update is not None:
        figures["update_ratio"] = report.update.norm_after / report.update.weight_norm
        figures["update_clipped"] = report.update.clipped
    return figures


def _learned(report: StepReport) -> Mapping[str, torch.Tensor]:
    return {} if report.clip is None else report.clip.estimates


def _record(step: int, epoch: int, report: StepReport, figures: Iterator[float], norms: Iterator[float]) -> StepRecord:
    """Takes this step's numbers from the front of those of all steps."""
    read = {name: next(figures) for name in _figures(report)}
    estimates = {name: rounded(next(figures)) for name in _learned(report)}
    clip, counted = report.clip, int(read["counted"])
    names = () if clip is None else clip.names
    reason = report.reason
    if not reason and clip is not None:
        # A step that was taken before its numbers were known is judged here.
        fine = math.isfinite(read["loss"]), math.isfinite(read["norm_before"])
        reason = "" if all(fine) else "gradient" if fine[0] else "loss"
    numbers = {name: rounded(value) for name, value in read.items()}
    return StepRecord(
        step=step,
        epoch=epoch,
        loss=numbers["loss"],
        utterances=len(report.ids) + len(report.dropped),
        counted=counted,
        infeasible=len(report.ids) - counted,
        dropped=len(report.dropped),
        norm_before=finite(read["norm_before"]),
        norm_after=numbers.get("norm_after"),
        coefficient=numbers.get("coefficient"),
        threshold=numbers.get("threshold"),
        clipped=read.get("clipped") == 1,
        clipped_share=numbers.get("clipped_share") or 0.0,
        cosine=numbers.get("cosine"),
        largest=numbers.get("largest"),
        largest_at=names[int(read["largest_at"])] if names else None,
        update_ratio=numbers.get("update_ratio"),
        update_clipped=read.get("update_clipped") == 1,
        lr=rounded(report.lr) or 0.0,
        loss_scale=report.loss_scale,
        stepped=clip is not None,
        reason=reason,
        estimates=estimates,
        shares=_shares(names, list(islice(norms, len(names))), read["norm_before"]),
    )


def _shares(names: tuple[str, ...], norms: list[float], total: float) -> dict[str, float]:
    """Of the squared norm; nobody has one of a norm that is zero, or not finite."""
    if not (math.isfinite(total) and total > 0):
        return {}
    return {name: (norm / total) ** 2 for name, norm in zip(names, norms, strict=True)}


def rounded(value: float) -> float | None:
    """The value to the digits of the log, or None for NaN and infinities, which JSON does not have."""
    return float(format(value, _DIGITS)) if math.isfinite(value) else None


def finite(value: float) -> float | None:
    """The value, or None for NaN and infinities, which JSON does not have."""
    return value if math.isfinite(value) else None
