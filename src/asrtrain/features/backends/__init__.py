"""Who computes spectra and cepstra: three libraries behind one interface, with one framing and the same numbers."""

from asrtrain.features.backends.asrtrain_backend import AsrtrainBackend
from asrtrain.features.backends.interface import Analysis, Backend
from asrtrain.features.backends.librosa_backend import LibrosaBackend
from asrtrain.features.backends.torchaudio_backend import TorchaudioBackend

BACKENDS: dict[str, type[Backend]] = {
    "asrtrain": AsrtrainBackend,
    "torchaudio": TorchaudioBackend,
    "librosa": LibrosaBackend,
}

__all__ = ["BACKENDS", "Analysis", "Backend"]
