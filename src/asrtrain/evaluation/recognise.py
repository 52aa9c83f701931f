"""Running a recogniser over batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from asrtrain.recogniser import Recogniser
from asrtrain.search.interface import Search
from asrtrain.types import Batch, Hypothesis


def recognise(
    model: Recogniser, batches: Iterable[Batch], search: Search[Any], device: torch.device
) -> Iterator[Hypothesis]:
    """One hypothesis an utterance, in the order of the batches; the model is left in evaluation mode.

    Times are those of the recordings, where the batches say where their frames begin.
    """
    model.eval()
    for batch in batches:
        yield from model.recognise(batch.to(device), search)
