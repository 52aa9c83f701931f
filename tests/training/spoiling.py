"""Recordings of nothing but NaN among good ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import final

import torch

from asrtrain.training import Batches
from asrtrain.types import Batch


@final
class Spoilt(Batches):
    """Batches of which some, by their number in the run, hold a bad recording at one place of theirs."""

    def __init__(self, batches: Batches, spoilt: set[int], place: int = 0) -> None:
        self.batches, self.spoilt, self.place = batches, spoilt, place

    @property
    def batches_per_epoch(self) -> int:
        return self.batches.batches_per_epoch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for number, batch in enumerate(self.batches.epoch(epoch, start), epoch * self.batches_per_epoch + start):
            guilty = batch.everyone[self.place % len(batch.everyone)]
            if number not in self.spoilt or guilty not in batch.ids:
                yield batch
                continue
            features = batch.features.clone()
            features[batch.ids.index(guilty)] += torch.nan
            yield replace(batch, features=features)
