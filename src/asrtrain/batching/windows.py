"""Batches whose gradients make one step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from asrtrain.types import Batch


def windows(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """``size`` batches at a time; the last window may be shorter."""
    rest = iter(batches)
    while window := list(islice(rest, size)):
        yield window
