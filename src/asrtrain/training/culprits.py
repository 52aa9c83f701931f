"""Which utterances make a step faulty, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from asrtrain.types import Batch


def find_culprits(batches: Iterable[Batch], faulty: Callable[[Batch], bool]) -> tuple[str, ...]:
    """The utterances of this process that are faulty alone, by halving: of n with one culprit, in 2 log n trials."""
    return tuple(name for batch in batches if batch.ids for name in _halved(batch, faulty))


def _halved(batch: Batch, faulty: Callable[[Batch], bool]) -> list[str]:
    if not faulty(batch):
        return []
    count = len(batch.ids)
    if count == 1:
        return [batch.ids[0]]
    halves = range(count // 2), range(count // 2, count)
    return [name for half in halves for name in _halved(batch.select(half), faulty)]
