"""The settings of front ends that gather spectra into mel bands."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from asrtrain.features.backends import Backend
from asrtrain.features.filterbank import Filterbank, MelScale, empty_filter
from asrtrain.features.spectral_config import SpectralConfig
from asrtrain.features.statics import LogMel


class MelConfig(SpectralConfig, ABC):
    """Settings of front ends with a mel filterbank."""

    n_mels: Annotated[int, Field(ge=4)] = 40
    """Number of mel filters."""
    f_min: Annotated[float, Field(ge=0)] = 20.0
    """Where the lowest filter begins (Hz)."""
    f_max: Annotated[float, Field(gt=0)] | None = None
    """Where the highest filter ends (Hz); null: half the sample rate."""
    mel_scale: Literal["htk", "slaney"] = "htk"
    """htk: triangles straight in Hz; slaney: of equal area, linear below 1000 Hz (librosa's default)."""
    floor: Annotated[float, Field(gt=0)] = 1e-6
    """Added to each energy before its logarithm is taken: a noise floor."""
    peak_floor: Annotated[float, Field(gt=0, le=120)] | None = None
    """In place of floor: so many decibels below the utterance's loudest frame."""

    @property
    def filterbank(self) -> Filterbank:
        scale: MelScale = "kaldi" if self.compat == "kaldi" else self.mel_scale
        f_max = self.sample_rate / 2 if self.f_max is None else self.f_max
        return Filterbank(self.n_mels, self.fft_size, self.sample_rate, self.f_min, f_max, scale)

    def log_mel(self, backend: Backend) -> LogMel:
        """Log mel energies of a back end."""
        return LogMel(backend, self.floor, self.peak_floor, kaldi=self.compat == "kaldi")

    @model_validator(mode="after")
    def _floor_is_kaldi_s(self) -> Self:
        if self.compat == "kaldi" and self.peak_floor is not None:
            raise ValueError("compat: kaldi has a floor of its own; leave peak_floor out")
        return self

    @model_validator(mode="after")
    def _bands_are_possible(self) -> Self:
        bank = self.filterbank
        if bank.f_max > self.sample_rate / 2 or bank.f_min >= bank.f_max:
            raise ValueError(f"f_min must lie below f_max, and f_max at most at half of {self.sample_rate} Hz")
        if (empty := empty_filter(bank)) is not None:
            raise ValueError(
                f"n_mels: {self.n_mels} filters are too many for n_fft {self.fft_size}: "
                f"no frequency falls into filter {empty}; take fewer, or a larger n_fft"
            )
        return self
