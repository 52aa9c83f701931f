"""Batches of utterances in which the same is said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.batching.sampler import Batches, OrderedSampler
from asrtrain.types import Seconds


@final
class GroupedSampler:
    """Batches in the order of length, each of utterances of one group; the same in every epoch."""

    def __init__(
        self,
        lengths: npt.NDArray[np.float64],
        groups: Sequence[Hashable],
        *,
        batch_size: int | None = None,
        batch_seconds: Seconds | None = None,
    ) -> None:
        members: dict[Hashable, list[int]] = defaultdict(list)
        for place, group in enumerate(groups):
            members[group].append(place)
        self._batches: Batches = []
        for places in members.values():
            own = OrderedSampler(lengths[places], batch_size=batch_size, batch_seconds=batch_seconds)
            self._batches += [[places[place] for place in batch] for batch in own.epoch(0)]

    def epoch(self, number: int) -> Batches:
        """The batches, whatever the epoch."""
        return self._batches
