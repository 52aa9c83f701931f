"""Data: manifests, corpora, synthesis, audio reading, text and vocabularies."""

from __future__ import annotations

from asrtrain.data.corpora import CORPORA
from asrtrain.data.digit_strings import DigitStringsConfig
from asrtrain.data.interface import SourceConfig
from asrtrain.data.manifest_source import ManifestConfig
from asrtrain.data.shards_source import SharConfig, ShardsConfig
from asrtrain.data.synthesis import SynthConfig

SOURCES: dict[str, type[SourceConfig]] = {
    "manifest": ManifestConfig,
    "shards": ShardsConfig,
    "shar": SharConfig,
    **CORPORA,
    "digit_strings": DigitStringsConfig,
    "synth": SynthConfig,
}

__all__ = ["SOURCES", "SourceConfig"]
