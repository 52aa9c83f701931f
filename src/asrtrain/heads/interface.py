"""What every head is: from hidden frames to a part of the loss, and to what a search reads.

A head knows one token set. Several heads may share an encoder, each with a weight of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, Literal, Protocol

import torch
from torch import nn

from asrtrain.config import Config
from asrtrain.config.run import Run
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders.interface import EncoderConfig, Top
from asrtrain.search.interface import S, Search
from asrtrain.types import Batch, Frames, Part, Targets, Task

Reading = Literal["classes", "frames", "states", "labels"]
"""What a search reads: scores of whole utterances (B, V), of symbols by frame (B, T', V), of states (B, T, S), or of
one label after the other."""


class Head(nn.Module, ABC, Generic[S]):
    """From hidden frames to losses and scores."""

    def __init__(self, tokens: Vocabulary, reading: Reading) -> None:
        super().__init__()
        self.tokens = tokens
        self.reading: Reading = reading

    def forward(self, frames: Frames, batch: Batch) -> Part:
        """The losses of a batch: float32 or better whatever the encoder's precision.

        A process whose batch is empty answers nothing, but with the graph, so that its weights take part.
        """
        with wide(frames.values.device):
            frames = widened(frames)
            if batch.ids:
                return self.part(frames, batch)
            weights = sum((weight.sum() for weight in self.parameters()), frames.values.new_zeros(()))
            nothing = frames.values.flatten(1).sum(1) + 0 * weights
            return Part(nothing, torch.ones_like(nothing, dtype=torch.bool))

    @abstractmethod
    def part(self, frames: Frames, batch: Batch) -> Part:
        """The losses of a batch that is not empty; no utterance's depends on another, and each is computed anew."""

    @abstractmethod
    def scorer(self, frames: Frames) -> S:
        """What a search reads."""

    def judged(self, frames: Frames, batch: Batch) -> tuple[Part, S]:
        """Both at once, for who wants both: the losses of validation, and what a search reads."""
        return self.part(frames, batch), self.scorer(frames)

    @abstractmethod
    def search(self) -> Search[S]:
        """The search that reads these scores where no other is chosen."""

    def targets(self, batch: Batch) -> Targets:
        """What is said in a batch, in this head's tokens."""
        return batch.targets[self.tokens.unit]

    @property
    def needs_frames(self) -> bool:
        """Whether recordings may be too short for what is said in them."""
        return False

    def frames_needed(self, symbols: Sequence[int]) -> int:
        """The fewest hidden frames that an utterance with these symbols can have."""
        return 1

    def prepare(self, transcripts: Iterable[str]) -> None:
        """Learn what is learnt from the training texts alone, before the first step. Raises DataError."""

    @property
    def tuned(self) -> bool:
        """Whether anything is chosen by the development part after each epoch; see ``tune``."""
        return False

    def tune(self, scored: Sequence[tuple[Batch, S]], errors: Callable[[], int]) -> None:
        """Set those buffers that are chosen by the development part.

        Args:
            scored: the batches of the development part with their scores.
            errors: searches them with the buffers as they are now, and counts the wrong words.
        """


def wide(device: torch.device) -> AbstractContextManager[object]:
    """Computing in the types that numbers have: without autocast, where it is on."""
    kind = device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


def widened(frames: Frames) -> Frames:
    """The same frames in float32 or better."""
    values = at_least_float32(frames.values)
    return frames if values is frames.values else replace(frames, values=values)


def at_least_float32(numbers: torch.Tensor) -> torch.Tensor:
    """The same numbers in float32; float64 is left alone, half precisions are widened."""
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))


class HeadBuilder(Protocol):
    """Builds a head."""

    @property
    def name(self) -> str:
        """What the head is called, in the log and among the names of weights."""

    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> Head[Any]:
        """Build the head for H = ``input_size``, initialised from torch's global generator.

        Args:
            input_size: the size of a hidden frame.
            tokens: what is recognised.
            top: what the layer of scores is like.
            stride: feature frames from one hidden frame to the next.

        Raises:
            UsageError: if it does not go with such an encoder.
            DataError: if a file that it needs does not fit the tokens.
        """


class HeadConfig(Config, ABC):
    """A head's settings; ``task`` says what it serves."""

    name: str

    @property
    @abstractmethod
    def task(self) -> Task:
        """``classification`` (one class an utterance) or ``transcription`` (a string of symbols)."""

    def check_with(self, run: Run) -> None:
        """Raise ValueError where it does not go with the rest of the configuration."""
        unit = run.value("data.unit")
        if self.task == "classification" and unit != "label":
            raise ValueError(
                f"objective {self.name} classifies whole recordings, but data.unit is {unit}; "
                "write data.unit: label, or choose objective: ctc"
            )
        if self.task == "transcription" and unit == "label":
            raise ValueError(
                f"objective {self.name} transcribes, but data.unit is label; "
                "write data.unit: char or data.unit: word, or choose objective: cross_entropy"
            )

    @abstractmethod
    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> Head[Any]:
        """As ``HeadBuilder`` says."""


class RecogniserConfig(Config, ABC):
    """A whole recogniser under one name: an encoder and a head that belong together."""

    name: str

    @property
    @abstractmethod
    def encoder(self) -> EncoderConfig:
        """The encoder's settings."""

    @abstractmethod
    def head(self, objective: HeadConfig) -> HeadBuilder:
        """The head; ``objective`` is what the configuration has there."""

    def check_with(self, run: Run) -> None:
        """Raise ValueError where it does not go with the rest of the configuration."""

    @property
    def runs(self) -> Mapping[str, Path]:
        """Other runs that it is trained by, by the key that names them."""
        return {}

    def count_outputs(self, tokens: Vocabulary) -> int:
        """How many numbers a frame is scored by, before anything is built. Raises DataError."""
        return len(tokens)

    def least_bytes(self, input_size: int, tokens: Vocabulary) -> int:
        """Memory that the head takes at least, beside a layer of scores, before any is taken. Raises DataError."""
        return 0

    @property
    def is_reestimated(self) -> bool:
        """Whether passes of re-estimation train it, and no gradients."""
        return False
