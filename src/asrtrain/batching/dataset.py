"""Utterances ready to be batched: waveforms or features in files of the cache, targets in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from asrtrain.batching.bounds import long_recordings
from asrtrain.batching.kept_arrays import KeptArrays
from asrtrain.batching.sampler import Batches, OrderedSampler
from asrtrain.data.audio import read_audio
from asrtrain.data.condition import SILENT_ADVICE, Conditions, from_columns, remarks, silent_among, to_columns
from asrtrain.data.contents import fingerprint_of_recordings
from asrtrain.errors import DataError
from asrtrain.features.cache import fingerprint
from asrtrain.features.interface import NUMERICS, FrontEnd
from asrtrain.terminal import say
from asrtrain.types import Condition, Hertz, Seconds, Utterance

_BLOCK = 1 << 24
"""Samples among which utterances of similar length are looked for, 64 MB: so far apart they are read from the disk."""

_MOST = 1 << 27
"""Samples, padding included, that are held at once, 512 MB; a longer recording is held alone."""

_DECODING = 3
"""Raised whenever recordings begin to be decoded to other samples: the cached ones are made anew then."""


@final
@dataclass(frozen=True, slots=True)
class Dataset:
    """Utterances by index: names, speakers, targets (in the token set ``tokens``), waveforms; features once they are
    cached.

    ``conditions`` are those of the recordings, before anything was done to them. ``key`` changes with everything that
    changes the waveforms.
    """

    ids: tuple[str, ...]
    speakers: tuple[str, ...]
    targets: tuple[tuple[int, ...], ...]
    tokens: str
    sample_rate: Hertz
    key: str
    waveforms: KeptArrays
    conditions: Conditions
    features: KeptArrays | None = None
    offsets: tuple[Seconds, ...] = ()
    """Where each utterance begins in its recording; empty where all do so at the beginning."""
    given: Mapping[str, tuple[torch.Tensor, ...]] = field(default_factory=dict)
    """Rows that travel with the utterances into their batches, by name: of each a tensor (n,) or ()."""

    def __len__(self) -> int:
        return len(self.ids)

    def tell(self, name: str) -> None:
        """Say on standard error in what condition recordings are, where there is something to say."""
        for remark in (*remarks(self.conditions, self.ids, self.sample_rate), *long_recordings(self.seconds, self.ids)):
            say(f"{name}: {remark}")

    @property
    def seconds(self) -> npt.NDArray[np.float64]:
        """The length of every utterance."""
        return self.waveforms.lengths / float(self.sample_rate)

    def waveform_batches(self, size: int = 64) -> Iterator[tuple[torch.Tensor, torch.Tensor, tuple[str, ...]]]:
        """All utterances: waveforms (B, S), lengths (B,) and speakers, as a front end measures them."""
        for indices in self._batches(size):
            yield *self.waveforms.padded(indices), self._speakers(indices)

    def with_features(self, front_end: FrontEnd, settings: object, cache: Path) -> Dataset:
        """The same with features that nobody computes again, for front ends and waveforms that stay as they are.

        ``settings`` are the front end's, of JSON's types: with what it has measured, with the waveforms and, where that
        matters, with who speaks, they tell one cached file from another.
        """
        measured = {name: tensor.tolist() for name, tensor in front_end.measured().items()}
        made_by: dict[str, object] = {"front end": settings, "measured": measured, "numerics": NUMERICS}
        if front_end.by_speaker:
            made_by["speakers"] = list(self.speakers)
        key = fingerprint({"waveforms": self.key, **made_by})
        frozen = deepcopy(front_end)  # which may meet other speakers before features have to be made again
        arrays = KeptArrays(cache / f"features-{key[:16]}.bin", key, lambda: self._features(frozen))
        return replace(self, features=arrays)

    def starts(self, indices: Sequence[int], front_end: FrontEnd) -> tuple[Seconds, ...]:
        """Where in their recordings the first frames of these utterances begin."""
        offsets = [self.offsets[i] for i in indices] if self.offsets else [0.0] * len(indices)
        if not front_end.trims:
            return tuple(offsets)
        cut = front_end.starts(*self.waveforms.padded(indices)).tolist()
        return tuple(offset + start for offset, start in zip(offsets, cut, strict=True))

    def _features(self, front_end: FrontEnd) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """Of all utterances, each with its number."""
        batches = self._batches(64)
        with tqdm(total=len(self), desc="features", disable=None, leave=False) as bar:
            for indices in batches:
                features, lengths = front_end(*self.waveforms.padded(indices), speakers=self._speakers(indices))
                for number, one, end in zip(indices, features.numpy(), lengths.tolist(), strict=True):
                    yield number, one[:end]
                bar.update(len(indices))

    def _batches(self, size: int) -> Batches:
        """All utterances by similar length, as half of a batch of any lengths would be padding; block after block.

        A block has about ``_BLOCK`` samples.
        """
        most = _MOST / self.sample_rate
        block_of_each = np.cumsum(self.waveforms.lengths) // _BLOCK
        edges = [0, *(np.flatnonzero(np.diff(block_of_each)) + 1).tolist(), len(self)]
        return [
            [first + place for place in batch]
            for first, last in pairwise(edges)
            for batch in OrderedSampler(self.seconds[first:last], batch_size=size, batch_seconds=most).epoch(0)
        ]

    def _speakers(self, indices: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.speakers[i] for i in indices)


def load_dataset(
    utterances: Sequence[Utterance],
    encode: Callable[[str], Sequence[int]],
    tokens: str,
    sample_rate: Hertz,
    cache: Path,
) -> Dataset:
    """Encode every text and read every recording, or find them read before.

    Raises DataError naming where the utterance was declared.
    """
    if not utterances:
        raise DataError("there are no utterances: every one was held out, dropped or never listed")
    targets = tuple(_encoded(utterance, encode) for utterance in utterances)
    recordings = fingerprint_of_recordings(utterances, cache)
    key = fingerprint({"recordings": recordings, "sample rate": sample_rate, "decoding": _DECODING})
    noted: list[Condition] = []

    def read() -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        noted.clear()
        yield from enumerate(_read(utterances, sample_rate, noted))
        if fingerprint_of_recordings(utterances, cache) != recordings:
            raise DataError("recordings were changed while they were read: run the same command again")

    waveforms = KeptArrays(cache / f"waveforms-{key[:16]}.bin", key, read, lambda: to_columns(noted))
    conditions = from_columns(waveforms.columns)
    if silent_among(conditions).all():
        raise DataError(f"all {len(conditions)} recordings are silent, such as {utterances[0].audio}: {SILENT_ADVICE}")
    return Dataset(
        ids=tuple(utterance.id for utterance in utterances),
        speakers=tuple(utterance.speaker for utterance in utterances),
        targets=targets,
        tokens=tokens,
        sample_rate=sample_rate,
        key=key,
        waveforms=waveforms,
        conditions=conditions,
        offsets=tuple(utterance.offset for utterance in utterances),
    )


def _encoded(utterance: Utterance, encode: Callable[[str], Sequence[int]]) -> tuple[int, ...]:
    try:
        return tuple(encode(utterance.text))
    except DataError as error:
        raise DataError(f"{utterance.source or utterance.id}: {error}") from error


def _read(
    utterances: Sequence[Utterance], sample_rate: Hertz, noted: list[Condition]
) -> Iterator[npt.NDArray[np.float32]]:
    """All recordings; the condition of each is noted."""
    for utterance in tqdm(utterances, "reading audio", unit="file", disable=None, leave=False):
        audio = read_audio(utterance.audio, sample_rate, offset=utterance.offset, duration=utterance.duration)
        noted.append(audio.condition)
        yield audio.samples
