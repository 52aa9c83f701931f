"""From a dataset to padded batches, made anew from (seed, epoch, batch) wherever training continues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import final

import torch
from torch.nn import functional

from asrtrain.batching.dataset import Dataset
from asrtrain.batching.sampler import Sampler
from asrtrain.batching.seeds import counter_seed
from asrtrain.features.augmentation import Augmentation
from asrtrain.features.interface import FrontEnd
from asrtrain.types import Batch, Targets


@final
class Loader:
    """The batches of a dataset: pad → augment waveforms → front end → augment features.

    Without augmentation it serves evaluation. Cached features are used where the dataset has them and no waveform is
    changed. With ``part`` (r, W) this is process r of W, and takes utterances r, r + W, … of every batch, so that all
    make the same number of steps; what is random about them is drawn by each process for itself. With ``few_lengths``
    batches are padded to `next_of_few` frames. ``timed`` batches say where their frames begin.
    """

    def __init__(
        self,
        dataset: Dataset,
        sampler: Sampler,
        front_end: FrontEnd,
        augmentation: Augmentation | None = None,
        *,
        seed: int = 0,
        part: tuple[int, int] = (0, 1),
        few_lengths: bool = False,
        timed: bool = False,
    ) -> None:
        self._dataset, self._sampler = dataset, sampler
        self._front_end, self._augmentation = front_end, augmentation
        self._seed = seed
        self._rank, self._processes = part
        self._few_lengths, self._timed = few_lengths, timed
        self._cached = None if augmentation is not None and augmentation.changes_waveforms else dataset.features
        self.batches_per_epoch = len(sampler.epoch(0))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number ``start`` on, exactly as if those before had been made too."""
        for number, indices in enumerate(self._sampler.epoch(epoch)[start:], start):
            own = (self._rank,) if self._rank else ()
            generator = torch.Generator().manual_seed(counter_seed(self._seed, epoch, number, *own))
            batch = self._batch(indices[self._rank :: self._processes], generator)
            yield batch if self._processes == 1 else replace(batch, whole=self._names(indices))

    def _names(self, indices: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._dataset.ids[i] for i in indices)

    def _batch(self, indices: Sequence[int], generator: torch.Generator) -> Batch:
        if not indices:
            return self._batch([0], generator).select([])
        if self._cached is not None:
            features, lengths = self._cached.padded(indices)
        else:
            features, lengths = self._computed(indices, generator)
        if self._augmentation is not None:
            features = self._augmentation.features(features, lengths, generator)
        if self._few_lengths and (missing := next_of_few(features.shape[1]) - features.shape[1]):
            features = functional.pad(features, (0, 0, 0, missing))
        starts = self._dataset.starts(indices, self._front_end) if self._timed else ()
        targets = {self._dataset.tokens: self._targets(indices)}
        given = {name: self._rows(rows, indices) for name, rows in self._dataset.given.items()}
        return Batch(self._names(indices), features, lengths, targets, given, starts=starts)

    def _computed(self, indices: Sequence[int], generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        waveforms, lengths = self._dataset.waveforms.padded(indices)
        warps = None
        if self._augmentation is not None:
            waveforms, lengths = self._augmentation.waveforms(waveforms, lengths, generator)
            warps = self._augmentation.warps(len(indices), generator)
        speakers = tuple(self._dataset.speakers[i] for i in indices)
        return self._front_end(waveforms, lengths, warps=warps, speakers=speakers)

    def _targets(self, indices: Sequence[int]) -> Targets:
        symbols = [torch.tensor(self._dataset.targets[i], dtype=torch.int64) for i in indices]
        lengths = torch.tensor([len(one) for one in symbols], dtype=torch.int64)
        return Targets(torch.nn.utils.rnn.pad_sequence(symbols, batch_first=True), lengths)

    def _rows(self, rows: Sequence[torch.Tensor], indices: Sequence[int]) -> torch.Tensor:
        own = [rows[i] for i in indices]
        return torch.stack(own) if own[0].dim() == 0 else torch.nn.utils.rnn.pad_sequence(own, batch_first=True)


def next_of_few(frames: int) -> int:
    """The next of sixteen lengths an octave: 31, 32, 34, 36, … 62, 64, 68, …

    oneDNN compiles a kernel for every shape that it meets, and keeps a thousand of them. Half of the memory that a
    training in bf16 took beyond its first epoch was theirs; this is 1 to 2 % of padding.
    """
    step = max(1, (1 << frames.bit_length()) // 32)
    return -(-frames // step) * step
