"""The records that flow from recordings to transcripts, and the units they are measured in.

Shape letters used in every module: B utterances in the batch, S samples, T frames, F features a frame, V symbols
(blank is symbol 0) or classes, L labels of an utterance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
class Audio:
    """Mono float32 samples in [-1, 1], shape (S,); ``notice`` says what was done to the recording, if anything was."""

    samples: npt.NDArray[np.float32]
    sample_rate: Hertz
    notice: str = ""

    @property
    def duration(self) -> Seconds:
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded utterances, ready for a model.

    features (B, T, F) float32, zero beyond each length; lengths (B,) int64 frames; targets (B,) class indices, or
    (B, L) symbols padded with 0; target_lengths (B,) int64 (ones for classes).
    """

    ids: tuple[str, ...]
    features: torch.Tensor
    lengths: torch.Tensor
    targets: torch.Tensor
    target_lengths: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        moved = [t.to(device) for t in (self.features, self.lengths, self.targets, self.target_lengths)]
        return Batch(self.ids, *moved)


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
