"""Mel-frequency cepstral coefficients (Davis and Mermelstein, 1980)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from asrtrain.features.backends import BACKENDS
from asrtrain.features.front_end import SpectralFrontEnd
from asrtrain.features.mel_config import MelConfig
from asrtrain.features.statics import Cepstra, Statics, WithEnergy


class MFCCConfig(MelConfig):
    """Mel-frequency cepstral coefficients: the cosine transform of log mel energies."""

    name: Literal["mfcc"] = "mfcc"
    n_mfcc: Annotated[int, Field(ge=1)] = 13
    """Number of coefficients kept, the zeroth included."""
    lifter: Annotated[float, Field(ge=0)] = 0.0
    """L in the factors 1 + L/2·sin(πk/L) that bring the coefficients to one size (Kaldi: 22); 0 for none."""
    energy: Literal["none", "append", "replace"] = "none"
    """Each frame's log energy: not used, after the coefficients, or in place of the zeroth (Kaldi's use_energy)."""
    deltas: Annotated[int, Field(ge=0, le=2)] = 2
    """1 adds the slope of each feature over five frames, 2 adds the slope of the slope too."""

    @model_validator(mode="after")
    def _coefficients_are_there(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc ({self.n_mfcc}) cannot exceed n_mels ({self.n_mels})")
        return self

    def build(self) -> SpectralFrontEnd:
        analysis = self.analysis(self.filterbank)
        backend = BACKENDS[self.backend](analysis)
        statics: Statics = Cepstra(self.log_mel(backend), backend, self.n_mfcc, self.lifter)
        if self.energy != "none":
            statics = WithEnergy(statics, analysis, replace=self.energy == "replace")
        return SpectralFrontEnd(self, statics, self.n_mfcc + (self.energy == "append"), level=1)
