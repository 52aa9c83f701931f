"""What every front end is: from waveforms to feature frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

import torch

from asrtrain.config import Config
from asrtrain.types import Hertz, Seconds

NUMERICS = 6
"""Raised whenever front ends begin to give other numbers, be it in the last bit: cached features are made anew then."""


class FrontEnd(ABC):
    """Waveforms to features, batched; an utterance's features never depend on what it is batched with.

    ``frame_shift`` is the time from one feature frame to the next, after stacking and subsampling. ``bands`` is the
    size of the innermost block of a frame: statics, deltas and joined neighbours are blocks of so many features each.
    ``needs_fit`` says that statistics of the training data have to be there (``fit`` or ``load_state_dict``) before
    the first call. ``by_speaker`` says that features depend on who speaks.
    """

    sample_rate: Hertz
    feature_size: int
    bands: int
    frame_shift: Seconds
    needs_fit: bool
    trims: bool
    by_speaker: bool

    @abstractmethod
    def __call__(
        self,
        waveforms: torch.Tensor,
        lengths: torch.Tensor,
        *,
        warps: torch.Tensor | None = None,
        speakers: Sequence[str] = (),
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms (B, S) float32 and lengths (B,) samples to features (B, T, F), zero beyond each length, and
        lengths (B,) frames.

        ``warps`` (B,) stretch each utterance's frequency axis (1: as it is), to imitate other vocal tracts in training.
        ``speakers`` names who speaks, where features are normalised by speaker.
        """

    @abstractmethod
    def frame_counts(self, samples: torch.Tensor) -> torch.Tensor:
        """How many frames come of so many samples, by arithmetic alone (int64, same shape); at most so many where
        silence is trimmed.
        """

    @abstractmethod
    def starts(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Where the first frame of each of the waveforms (B, S) of lengths (B,) samples begins, in seconds (B,).

        Frame t begins t frame shifts later, as Kaldi counts: what windows reach beyond that is no time of its own. It
        is 0 but where silence is cut off.
        """

    @abstractmethod
    def fit(self, batches: Iterable[tuple[torch.Tensor, torch.Tensor, Sequence[str]]]) -> None:
        """Measure what normalisation over the training data or over speakers needs, from batches of waveforms,
        lengths and speakers. What is measured already stays: another call adds speakers that are not known.
        """

    @abstractmethod
    def meet(self, batches: Iterable[tuple[torch.Tensor, torch.Tensor, Sequence[str]]]) -> None:
        """Measure the speakers of other data (a test set) who are not known from ``fit``, in place of those met before.

        They are not kept with the model, so that no other data change what it is, or what is found of the next.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, torch.Tensor]:
        """What ``fit`` measured, to be kept with the model; empty where nothing is measured."""

    @abstractmethod
    def measured(self) -> dict[str, torch.Tensor]:
        """All that features depend on besides settings and waveforms: what is kept, and speakers who were met."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take back what ``state_dict`` gave. Raises CheckpointError where it is another front end's."""


class FrontEndConfig(Config, ABC):
    """A front end's settings."""

    name: str
    sample_rate: Hertz

    @abstractmethod
    def build(self) -> FrontEnd:
        """Build the front end."""
