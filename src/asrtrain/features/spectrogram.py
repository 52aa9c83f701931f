"""Log power spectra, every bin of the Fourier transform."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from asrtrain.features.backends import BACKENDS
from asrtrain.features.front_end import SpectralFrontEnd
from asrtrain.features.spectral_config import SpectralConfig
from asrtrain.features.statics import LogSpectrum


class SpectrogramConfig(SpectralConfig):
    """Logarithms of power spectra."""

    name: Literal["spectrogram"] = "spectrogram"
    floor: Annotated[float, Field(gt=0)] = 1e-6
    """Added to each power before its logarithm is taken: a noise floor."""

    def build(self) -> SpectralFrontEnd:
        backend = BACKENDS[self.backend](self.analysis(None))
        bins = self.fft_size // 2 + 1
        return SpectralFrontEnd(self, LogSpectrum(backend, self.floor), bins, level=bins)
