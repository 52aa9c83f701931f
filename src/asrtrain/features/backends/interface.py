"""What every back end is: from framed waveforms to spectra, mel energies and cepstra."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from asrtrain.features.filterbank import Filterbank
from asrtrain.features.framing import Framing
from asrtrain.features.spectrum import Window
from asrtrain.types import Hertz


@dataclass(frozen=True)
class Analysis:
    """How a waveform is analysed. ``filterbank`` is None where spectra are wanted as they are.

    ``kaldi`` asks for Kaldi's frames: freed of their mean, pre-emphasised one by one, under a symmetric window.
    """

    sample_rate: Hertz
    framing: Framing
    window: Window
    n_fft: int
    filterbank: Filterbank | None
    kaldi: bool
    pre_emphasis: float


class Backend(ABC):
    """Batched; an utterance's spectra do not depend on what it is batched with.

    Waveforms come as ``Framing.pad`` makes them, (B, span): the first frame begins at sample 0. What is returned is in
    memory of its own, which the caller may change.
    """

    @abstractmethod
    def __init__(self, analysis: Analysis) -> None: ...

    @abstractmethod
    def power(self, padded: torch.Tensor) -> torch.Tensor:
        """Padded waveforms (B, span) to power spectra (B, T, n_fft/2 + 1)."""

    @abstractmethod
    def mel(self, padded: torch.Tensor, warps: torch.Tensor | None) -> torch.Tensor:
        """Padded waveforms (B, span) to mel energies (B, T, n_mels), the frequencies of each utterance stretched by its
        factor in ``warps`` (B,). Raises UsageError where the library cannot stretch.
        """

    @abstractmethod
    def cepstra(self, log_mel: torch.Tensor, count: int) -> torch.Tensor:
        """The first ``count`` coefficients of the orthonormal cosine transform (type II): (B, T, count)."""
