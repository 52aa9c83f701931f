"""Heads whose answer is changed on purpose."""

from __future__ import annotations

from collections.abc import Callable

import torch

from asrtrain.training import Ingredients
from asrtrain.types import Batch, Frames, Part


def with_part(parts: Ingredients, part: Callable[[Frames, Batch], Part]) -> Ingredients:
    """The same ingredients, whose head answers something else."""
    parts.model.head.part = part
    return parts


def as_before(parts: Ingredients) -> None:
    """Let the head answer what it has computed."""
    parts.model.head.__dict__.pop("part", None)


def changed(parts: Ingredients, names: set[str], change: str) -> Ingredients:
    """Named utterances are not counted (``uncounted``), have a loss of NaN (``nan``) or an ``infinite gradient``."""
    as_before(parts)
    own = parts.model.head.part

    def part(frames: Frames, batch: Batch) -> Part:
        losses = own(frames, batch)
        chosen = torch.tensor([name in names for name in batch.ids])
        if change == "uncounted":
            return Part(losses.per_utterance * ~chosen, ~chosen)
        if change == "nan":
            return Part(torch.where(chosen, torch.nan, losses.per_utterance), losses.counted)
        zero = (losses.per_utterance - losses.per_utterance.detach()) * 1e30 * 1e30
        return Part(losses.per_utterance + torch.where(chosen, zero, 0.0), losses.counted)

    return with_part(parts, part)


def constant(parts: Ingredients, loss: Callable[[Batch], float], *, explodes: bool = False) -> Ingredients:
    """Every utterance has the same loss, and a gradient of zero, or of no number."""
    head = parts.model.head

    def part(frames: Frames, batch: Batch) -> Part:
        sums = head.scorer(frames).logits.sum(1)
        zeros = (sums - sums.detach()) * 1e30 * 1e30 if explodes else 0 * sums
        return Part(zeros + loss(batch), torch.ones(len(batch.ids), dtype=torch.bool))

    return with_part(parts, part)
