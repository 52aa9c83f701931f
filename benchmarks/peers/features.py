"""Recordings as tutorials read them: a file at a time by soundfile, torchaudio's MFCC, deltas, batches padded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import final

import soundfile
import torch
import torchaudio
from job import Job, Split
from networks import STACK
from torch.nn.utils.rnn import pad_sequence

RATE = 8000
_MFCC = torchaudio.transforms.MFCC(
    RATE, 13, melkwargs={"n_fft": 256, "win_length": 200, "hop_length": 80, "n_mels": 40, "f_min": 20.0}
)

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def stacked(features: torch.Tensor) -> torch.Tensor:
    """(T, F) to (⌊T/3⌋, 3F), for the network that reads strings."""
    frames = len(features) // STACK
    return features[: frames * STACK].reshape(frames, -1)


@torch.no_grad()
def features_of(path: str, *, strings: bool) -> torch.Tensor:
    """(T, 39), or (T, 117) of strings: mean 0 and variance 1 over the recording."""
    samples, _ = soundfile.read(path, dtype="float32")
    static = _MFCC(torch.from_numpy(samples))
    delta = torchaudio.functional.compute_deltas(static)
    features = torch.cat([static, delta, torchaudio.functional.compute_deltas(delta)]).T
    features = (features - features.mean(0)) / features.std(0).clamp(min=1e-5)
    return stacked(features) if strings else features


@final
class Recordings(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """(features, symbols) of every recording, made whenever they are asked for, or all of them at once."""

    def __init__(self, job: Job, split: Split, *, once: bool) -> None:
        self._job, self._recordings = job, job.recordings(split)
        self._kept = [self._made(i) for i in range(len(self))] if once else None

    def __len__(self) -> int:
        return len(self._recordings)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._made(index) if self._kept is None else self._kept[index]

    @property
    def lengths(self) -> list[int]:
        """Frames of every recording, where they were made at once."""
        assert self._kept is not None
        return [len(features) for features, _ in self._kept]

    def _made(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        path, text = self._recordings[index]
        return features_of(path, strings=self._job.strings), torch.tensor(self._job.encode(text))


def padded(examples: list[tuple[torch.Tensor, torch.Tensor]]) -> Batch:
    """Features (B, T, F), their lengths, symbols (B, L), their lengths."""
    features, symbols = zip(*examples, strict=True)
    return (
        pad_sequence(features, batch_first=True),
        torch.tensor([len(one) for one in features]),
        pad_sequence(symbols, batch_first=True),
        torch.tensor([len(one) for one in symbols]),
    )


@final
class BatchesOfSimilarLength(torch.utils.data.Sampler[list[int]]):
    """Sorted by a length blurred by two per cent, cut, shuffled."""

    def __init__(self, lengths: list[int], size: int) -> None:
        self._lengths, self._size = lengths, size

    def __len__(self) -> int:
        return (len(self._lengths) + self._size - 1) // self._size

    def __iter__(self) -> Iterator[list[int]]:
        blurred = [length * random.uniform(0.98, 1.02) for length in self._lengths]
        order = sorted(range(len(blurred)), key=blurred.__getitem__)
        batches = [order[first : first + self._size] for first in range(0, len(order), self._size)]
        random.shuffle(batches)
        return iter(batches)
