"""Corpora by name: one file each, and this table."""

from asrtrain.data.corpora.fsdd import FSDDConfig
from asrtrain.data.corpora.interface import Archive, Card, CorpusConfig

CORPORA: dict[str, type[CorpusConfig]] = {
    "fsdd": FSDDConfig,
}

__all__ = ["CORPORA", "Archive", "Card", "CorpusConfig"]
