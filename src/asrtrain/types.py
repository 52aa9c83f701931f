"""The records that flow from recordings to transcripts, and the units they are measured in.

Shape letters used in every module: B utterances in the batch, S samples, T frames, F features a frame, V symbols
(blank is symbol 0) or classes, L labels of an utterance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

Seconds = float
Hertz = int
Task = Literal["classification", "transcription"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where an utterance was declared, for complaints: ``train.csv:17``."""

    file: Path
    line: int | None = None

    def __str__(self) -> str:
        return str(self.file) if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording (or a part of one) and what is said in it.

    ``text`` is the label of a spoken word or the transcript of a sentence, as written in the manifest.
    ``duration`` is None until somebody has read the audio header; ``offset`` is where the utterance begins in it.
    """

    id: str
    audio: Path
    text: str
    speaker: str = ""
    duration: Seconds | None = None
    offset: Seconds = 0.0
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition that a recording is in, before it is resampled.

    ``swing`` is half the distance from the lowest to the highest sample (full scale: 1) of a hundredth of a second: the
    third largest, so that a click is none. ``kept`` is the share of its channels' power that is left when they are
    mixed down to one, ``clipped`` the share of samples where a crest was cut off.
    """

    rate: Hertz = 0
    channels: int = 1
    swing: float = 1.0
    kept: float = 1.0
    clipped: float = 0.0


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono float32 samples in [-1, 1], shape (S,); ``notice`` says what was done to the recording, if anything was."""

    samples: npt.NDArray[np.float32]
    sample_rate: Hertz
    notice: str = ""
    condition: Condition = Condition()

    @property
    def duration(self) -> Seconds:
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class Targets:
    """What is said in a batch in the symbols of one token set: ``values`` (B, L) int64 padded with 0, and ``lengths``
    (B,) int64. The class of a spoken word is one symbol.
    """

    values: torch.Tensor
    lengths: torch.Tensor

    def to(self, device: torch.device) -> Targets:
        """The same on a device."""
        return Targets(self.values.to(device), self.lengths.to(device))

    def select(self, rows: Sequence[int]) -> Targets:
        """Those of some utterances, padded no further than they need."""
        chosen = list(rows)
        lengths = self.lengths[chosen]
        return Targets(self.values[chosen][:, : int(lengths.max()) if chosen else 0], lengths)


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded utterances, ready for a recogniser.

    features (B, T, F) float32, zero beyond each length; lengths (B,) int64 frames. ``targets`` has what is said in each
    token set, by its name. ``given`` has rows that travel with the utterances, such as their aligned states, by name:
    tensors whose first dimension is B. Where several processes share a batch, ``whole`` names all of its utterances,
    and ``ids`` those of this process, which may be none. ``starts`` says where in its recording each utterance's first
    frame begins, where that is asked for.
    """

    ids: tuple[str, ...]
    features: torch.Tensor
    lengths: torch.Tensor
    targets: Mapping[str, Targets] = field(default_factory=dict)
    given: Mapping[str, torch.Tensor] = field(default_factory=dict)
    whole: tuple[str, ...] | None = None
    starts: tuple[Seconds, ...] = ()

    @property
    def everyone(self) -> tuple[str, ...]:
        """The utterances of the batch, in whichever process."""
        return self.ids if self.whole is None else self.whole

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device; this one, if it is there."""
        if self.features.device == device:
            return self
        return replace(
            self,
            features=self.features.to(device),
            lengths=self.lengths.to(device),
            targets={name: one.to(device) for name, one in self.targets.items()},
            given={name: rows.to(device) for name, rows in self.given.items()},
        )

    def select(self, places: Sequence[int]) -> Batch:
        """A batch of its own of the utterances at these places, padded no further than they need."""
        rows = list(places)
        lengths = self.lengths[rows]
        return Batch(
            tuple(self.ids[row] for row in rows),
            self.features[rows, : max(1, int(lengths.max())) if rows else 1],
            lengths,
            {name: one.select(rows) for name, one in self.targets.items()},
            {name: values[rows] for name, values in self.given.items()},
            starts=tuple(self.starts[row] for row in rows) if self.starts else (),
        )

    def without(self, names: Collection[str]) -> Batch:
        """The batch as it would be had these utterances never been in it."""
        rest = self.select([place for place, name in enumerate(self.ids) if name not in names])
        if self.whole is None:
            return rest
        return replace(rest, whole=tuple(name for name in self.whole if name not in names))


@dataclass(frozen=True, slots=True)
class Frames:
    """A batch as the encoder leaves it: ``values`` (B, T', H) and ``lengths`` (B,) int64 of its frames.

    One frame here is ``stride`` feature frames, of which the utterances have ``covered`` (B,). ``starts`` is as in the
    batch.
    """

    ids: tuple[str, ...]
    values: torch.Tensor
    lengths: torch.Tensor
    covered: torch.Tensor
    stride: int = 1
    starts: tuple[Seconds, ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """Unnormalised scores (logits): (B, V) for whole utterances, or (B, T, V) a frame, with ``lengths`` (B,) frames."""

    logits: torch.Tensor
    lengths: torch.Tensor


@dataclass(frozen=True, slots=True)
class Part:
    """What one head adds to the loss: one number an utterance (B,) float32 or better, and whether it counts (B,) bool.

    A loss that does not count is exactly 0.
    """

    per_utterance: torch.Tensor
    counted: torch.Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """The weighted sum of all heads' parts (B,), and the parts by the heads' names.

    An utterance counts (``counted``, (B,) bool) where it counts for any head.
    """

    per_utterance: torch.Tensor
    counted: torch.Tensor
    parts: Mapping[str, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A recognised word, its place in the recording and the model's probability for it (0 to 1)."""

    text: str
    start: Seconds
    end: Seconds
    confidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What was recognised: the text, its words in time, and the probability of the whole (0 to 1)."""

    id: str
    text: str
    confidence: float
    words: tuple[TimedWord, ...] = field(default=())

    def later(self, by: Seconds) -> Hypothesis:
        """The same with the words' times counted from so long before."""
        words = (replace(word, start=word.start + by, end=word.end + by) for word in self.words)
        return replace(self, words=tuple(words))

    def within(self, end: Seconds) -> Hypothesis:
        """The same, ended where the recording ends: frames that are joined or left out reach beyond it."""
        words = tuple(replace(word, start=min(word.start, end), end=min(word.end, end)) for word in self.words)
        return replace(self, words=words)
