"""From waveforms to features: filtering, spectra, cepstra, normalisation, augmentation, and a cache of the results."""

from asrtrain.features.interface import FrontEndConfig
from asrtrain.features.log_mel import LogMelConfig
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.features.spectrogram import SpectrogramConfig

FEATURES: dict[str, type[FrontEndConfig]] = {
    "mfcc": MFCCConfig,
    "log_mel": LogMelConfig,
    "spectrogram": SpectrogramConfig,
}

__all__ = ["FEATURES", "FrontEndConfig"]
