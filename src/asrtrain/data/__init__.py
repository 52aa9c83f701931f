"""Data: manifests, corpora, synthesis, audio reading, text and vocabularies."""

from __future__ import annotations

from asrtrain.data.corpora import CORPORA
from asrtrain.data.interface import SourceConfig
from asrtrain.data.manifest_source import ManifestConfig

SOURCES: dict[str, type[SourceConfig]] = {
    "manifest": ManifestConfig,
    **CORPORA,
}

__all__ = ["SOURCES", "SourceConfig"]
