"""Which utterances make a batch, and in which order batches come: pure functions of lengths, seed and epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, final

import numpy as np
import numpy.typing as npt

from asrtrain.types import Seconds

Batches = list[list[int]]


class Sampler(Protocol):
    """Says which utterances each batch of an epoch holds; every epoch has the same number of batches."""

    def epoch(self, number: int) -> Batches:
        """The batches of an epoch, as indices of utterances."""


@final
class BucketSampler:
    """Batches of utterances of similar length, different ones each epoch, in random order.

    Utterances are sorted by a length blurred by ±``jitter`` and cut at places that are the same in every epoch, so that
    the number of batches is too. With ``batch_seconds`` b, no batch of more than one utterance is padded to more than b
    seconds: with blurred lengths l(1+u), |u| ≤ j, the utterance at rank r is at most (1+j)/(1−j) times as long as the
    one there in exact order, and the cuts leave that room.
    """

    def __init__(
        self,
        lengths: Sequence[Seconds] | npt.NDArray[np.float64],
        *,
        batch_size: int | None = None,
        batch_seconds: Seconds | None = None,
        jitter: float = 0.02,
        seed: int = 0,
    ) -> None:
        self.lengths = np.asarray(lengths, dtype=np.float64)
        self.jitter = jitter
        self.seed = seed
        room = None if batch_seconds is None else batch_seconds * (1 - jitter) / (1 + jitter)
        self.cuts = _cuts(np.sort(self.lengths), batch_size, room)

    def epoch(self, number: int) -> Batches:
        """The batches of an epoch; the same for the same seed and number, on any machine."""
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, number])))
        blurred = self.lengths * (1 + generator.uniform(-self.jitter, self.jitter, len(self.lengths)))
        batches = np.split(np.argsort(blurred, kind="stable"), self.cuts)
        order = generator.permutation(len(batches))
        return [batches[place].tolist() for place in order]


@final
class OrderedSampler:
    """Batches of utterances in order of length: the same in every epoch, for evaluation.

    With ``part`` (r, W) this is process r of W, and has the batches r, r + W, …
    """

    def __init__(
        self,
        lengths: Sequence[Seconds] | npt.NDArray[np.float64],
        *,
        batch_size: int | None = None,
        batch_seconds: Seconds | None = None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        ascending = np.argsort(np.asarray(lengths, dtype=np.float64), kind="stable")
        cuts = _cuts(np.asarray(lengths, dtype=np.float64)[ascending], batch_size, batch_seconds)
        rank, processes = part
        self.batches: Batches = [batch.tolist() for batch in np.split(ascending, cuts)[rank::processes]]

    def epoch(self, number: int) -> Batches:
        """The batches, whatever the epoch."""
        return self.batches


def padding_efficiency(lengths: npt.NDArray[np.float64], batches: Batches) -> float:
    """The share of padded batches that is speech: 1 is no padding at all."""
    padded = sum(max(lengths[batch]) * len(batch) for batch in batches)
    return float(lengths.sum() / padded)


def _cuts(ascending: npt.NDArray[np.float64], size: int | None, seconds: Seconds | None) -> list[int]:
    """Where to cut utterances in order of length, so that each batch fills ``size`` or, padded, ``seconds``."""
    cuts: list[int] = []
    start = 0
    for place, length in enumerate(ascending):
        count = place - start + 1
        full = (size is not None and count > size) or (seconds is not None and length * count > seconds)
        if full and count > 1:
            cuts.append(place)
            start = place
    return cuts
