"""What every encoder is: a configuration that builds it, and a module from features to hidden frames."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from asrtrain.config import Config
from asrtrain.config.run import Run
from asrtrain.encoders.settings import PoolingKind


@dataclass(frozen=True, slots=True)
class Top:
    """What the layer of scores above an encoder is like, where its configuration leaves that open.

    ``pooling`` joins the frames of an utterance where whole utterances are scored; None where the encoder has done so.
    ``dropout`` comes before the layer. With ``glorot`` its weights begin larger where frames are scored.
    """

    pooling: PoolingKind | None = None
    dropout: float = 0.0
    glorot: bool = False


class Encoder(nn.Module, ABC):
    """Features to hidden frames. Padding never changes an utterance's frames."""

    output_size: int
    """H, the size of a hidden frame."""

    strides: Sequence[int] = ()
    """By how much the frame rate falls, from block to block; nothing where it never does."""

    @abstractmethod
    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, T, F) and lengths (B,) to hidden frames (B, T', H) and their lengths (B,)."""

    @property
    def stride(self) -> int:
        """Feature frames from one hidden frame to the next: T' is T divided by it, rounded up.

        (Encoders that know no time join all frames of a whole utterance into one, where whole utterances are scored.)
        """
        return math.prod(self.strides)

    @abstractmethod
    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """How many hidden frames T' come of ``lengths`` feature frames, by arithmetic alone (int64, same shape)."""

    def sharding_blocks(self) -> Iterator[nn.Module]:
        """The parts that are put together one at a time where a model lies in shards."""
        for child in self.children():
            members = child if isinstance(child, nn.ModuleList | nn.Sequential) else (child,)
            yield from (member for member in members if any(True for _ in member.parameters()))


class EncoderConfig(Config, ABC):
    """An encoder's settings."""

    name: str

    @property
    def top(self) -> Top:
        """What the layer of scores above it is like."""
        return Top()

    def check_with(self, run: Run) -> None:
        """Raise ValueError where it does not go with the rest of the configuration."""

    @abstractmethod
    def build(self, input_size: int, *, per_frame: bool) -> Encoder:
        """Build the encoder for F = ``input_size``, initialised from torch's global generator.

        Without ``per_frame`` whole utterances are to be scored, and those that know no time may join all their frames
        into one.
        """
