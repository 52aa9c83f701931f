"""Log mel energies, also called filterbank features."""

from __future__ import annotations

from typing import Literal

from asrtrain.features.backends import BACKENDS
from asrtrain.features.front_end import SpectralFrontEnd
from asrtrain.features.mel_config import MelConfig


class LogMelConfig(MelConfig):
    """Logarithms of the energies in mel bands."""

    name: Literal["log_mel"] = "log_mel"

    def build(self) -> SpectralFrontEnd:
        backend = BACKENDS[self.backend](self.analysis(self.filterbank))
        return SpectralFrontEnd(self, self.log_mel(backend), self.n_mels, level=self.n_mels)
