"""From a dataset to padded batches, made anew from (seed, epoch, batch) wherever training continues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

import torch

from asrtrain.batching.dataset import Dataset
from asrtrain.batching.sampler import Sampler
from asrtrain.batching.seeds import counter_seed
from asrtrain.features.augmentation import Augmentation
from asrtrain.features.interface import FrontEnd
from asrtrain.types import Batch


@final
class Loader:
    """The batches of a dataset: pad → augment waveforms → front end → augment features.

    Without augmentation it serves evaluation. Cached features are used where the dataset has them and no waveform is
    changed.
    """

    def __init__(
        self,
        dataset: Dataset,
        sampler: Sampler,
        front_end: FrontEnd,
        augmentation: Augmentation | None = None,
        *,
        seed: int = 0,
    ) -> None:
        self._dataset, self._sampler = dataset, sampler
        self._front_end, self._augmentation = front_end, augmentation
        self._seed = seed
        self._cached = None if augmentation is not None and augmentation.changes_waveforms else dataset.features
        self.batches_per_epoch = len(sampler.epoch(0))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number ``start`` on, exactly as if those before had been made too."""
        for number, indices in enumerate(self._sampler.epoch(epoch)[start:], start):
            generator = torch.Generator().manual_seed(counter_seed(self._seed, epoch, number))
            yield self._batch(indices, generator)

    def _batch(self, indices: Sequence[int], generator: torch.Generator) -> Batch:
        if self._cached is not None:
            features, lengths = self._cached.padded(indices)
        else:
            features, lengths = self._computed(indices, generator)
        if self._augmentation is not None:
            features = self._augmentation.features(features, lengths, generator)
        targets, target_lengths = self._targets(indices)
        return Batch(tuple(self._dataset.ids[i] for i in indices), features, lengths, targets, target_lengths)

    def _computed(self, indices: Sequence[int], generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        waveforms, lengths = self._dataset.waveforms.padded(indices)
        warps = None
        if self._augmentation is not None:
            waveforms, lengths = self._augmentation.waveforms(waveforms, lengths, generator)
            warps = self._augmentation.warps(len(indices), generator)
        speakers = tuple(self._dataset.speakers[i] for i in indices)
        return self._front_end(waveforms, lengths, warps=warps, speakers=speakers)

    def _targets(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Classes (B,), or symbols (B, L) padded with 0; and their lengths (B,)."""
        symbols = [torch.tensor(self._dataset.targets[i], dtype=torch.int64) for i in indices]
        lengths = torch.tensor([len(one) for one in symbols], dtype=torch.int64)
        if self._dataset.task == "classification":
            return torch.cat(symbols), lengths
        return torch.nn.utils.rnn.pad_sequence(symbols, batch_first=True), lengths
