"""The records that flow from recordings to transcripts, and the units they are measured in.

Shape letters used in every module: B utterances in the batch, S samples, T frames, F features a frame, V symbols
(blank is symbol 0) or classes, L labels of an utterance.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
class Batch:
    """Padded utterances, ready for a model.

    features (B, T, F) float32, zero beyond each length; lengths (B,) int64 frames; targets (B,) class indices, or
    (B, L) symbols padded with 0; target_lengths (B,) int64 (ones for classes). Where several processes share a batch,
    ``whole`` names all of its utterances, and ``ids`` those of this process, which may be none. ``starts`` says where
    in its recording each utterance's first frame begins, where somebody will ask.
    """

    ids: tuple[str, ...]
    features: torch.Tensor
    lengths: torch.Tensor
    targets: torch.Tensor
    target_lengths: torch.Tensor
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
        names = ("features", "lengths", "targets", "target_lengths")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def select(self, places: Sequence[int]) -> Batch:
        """A batch of its own of the utterances at these places, padded no further than they need."""
        rows = list(places)
        lengths, target_lengths = self.lengths[rows], self.target_lengths[rows]
        features = self.features[rows, : max(1, int(lengths.max())) if rows else 1]
        targets = self.targets[rows]
        if targets.dim() == 2:
            targets = targets[:, : int(target_lengths.max()) if rows else 0]
        return Batch(
            tuple(self.ids[row] for row in rows),
            features,
            lengths,
            targets,
            target_lengths,
            starts=tuple(self.starts[row] for row in rows) if self.starts else (),
        )

    def without(self, names: Collection[str]) -> Batch:
        """The batch as it would be had these utterances never been in it."""
        rest = self.select([place for place, name in enumerate(self.ids) if name not in names])
        if self.whole is None:
            return rest
        return replace(rest, whole=tuple(name for name in self.whole if name not in names))


@dataclass(frozen=True, slots=True)
class Scores:
    """Unnormalised scores (logits): (B, V) for whole utterances, or (B, T, V) a frame, with ``lengths`` (B,) frames."""

    logits: torch.Tensor
    lengths: torch.Tensor


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
