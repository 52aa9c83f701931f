"""One line of the run log: a step, or an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import final

import torch

from asrtrain.clipping.parts.constants import constants
from asrtrain.clipping.parts.looking import free_to_look, plain_numbers
from asrtrain.training.report import Reason, StepReport

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
        reports = [report for _, _, report in waiting]
        tensors = [figure for report in reports for figure in _figures(report)]
        row = _read(tensors, [report.clip.norms for report in reports if report.clip is not None])
        figures, norms = iter(row[: len(tensors)]), iter(row[len(tensors) :])
        return [(_record(step, epoch, report, figures, norms), report) for step, epoch, report in waiting]


def _figures(report: StepReport) -> Iterator[torch.Tensor]:
    """What was measured at this step, each (): always as many, and then what the rules have learned."""
    clip, update, nothing = report.clip, report.update, constants(report.norm.device).nan
    yield from (report.loss, report.counted, report.norm)
    if clip is None:
        yield from (nothing,) * 8
    else:
        yield from (clip.norm_after, clip.coefficient, clip.threshold, clip.clipped, clip.clipped_share, clip.cosine)
        yield from (clip.largest, clip.largest_at)
    yield from (nothing, nothing) if update is None else (update.norm_after / update.weight_norm, update.clipped)
    if clip is not None:
        yield from clip.estimates.values()


def _read(figures: Sequence[torch.Tensor], norms: Sequence[torch.Tensor]) -> list[float]:
    """The numbers of tensors () and (N,), one after the other; the host waits for the device once."""
    if free_to_look(figures[0]):
        return [*plain_numbers(figures), *(number for tensor in norms for number in tensor.tolist())]
    row: list[float] = torch.cat([torch.stack(list(figures)), *norms]).tolist()  # in float64, which the norms are in
    return row


def _record(step: int, epoch: int, report: StepReport, figures: Iterator[float], norms: Iterator[float]) -> StepRecord:
    """Takes this step's numbers from the front of those of all steps."""
    loss, counted, norm, after, coefficient, threshold, clipped, share, cosine, largest, at, ratio, limited = islice(
        figures, 13
    )
    clip, everyone, dropped = report.clip, len(report.ids), len(report.dropped)
    names = () if clip is None else clip.names
    reason = report.reason
    if not reason and clip is not None:
        # A step that was taken before its numbers were known is judged here.
        fine = math.isfinite(loss), math.isfinite(norm)
        reason = "" if all(fine) else "gradient" if fine[0] else "loss"
    return StepRecord(
        step=step,
        epoch=epoch,
        loss=rounded(loss),
        utterances=everyone + dropped,
        counted=int(counted),
        infeasible=everyone - int(counted),
        dropped=dropped,
        norm_before=finite(norm),
        norm_after=rounded(after),
        coefficient=rounded(coefficient),
        threshold=rounded(threshold),
        clipped=clipped == 1,
        clipped_share=rounded(share) or 0.0,
        cosine=rounded(cosine),
        largest=rounded(largest),
        largest_at=names[int(at)] if names and at >= 0 else None,
        update_ratio=rounded(ratio),
        update_clipped=limited == 1,
        lr=rounded(report.lr) or 0.0,
        loss_scale=report.loss_scale,
        stepped=clip is not None,
        reason=reason,
        estimates={} if clip is None else {name: rounded(next(figures)) for name in clip.estimates},
        shares=_shares(names, list(islice(norms, len(names))), norm),
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
