"""What every source of utterances is: a manifest, a corpus, a synthesiser."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from asrtrain.config import Config
from asrtrain.data.complaints import Complaint
from asrtrain.types import Utterance

FFMPEG_SUFFIXES = (".aac", ".amr", ".m4a", ".mp4", ".webm", ".wma")
"""Recordings that are decoded where the program ffmpeg is installed."""

_OWN_SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".sph", ".caf", ".w64")

AUDIO_SUFFIXES = _OWN_SUFFIXES + FFMPEG_SUFFIXES
"""The recordings that are read; any other file is refused before a decoder opens it."""


class SourceConfig(Config, ABC):
    """Where utterances come from, chosen by name: ``train: {name: fsdd, folder: …, split: train}``."""

    name: str

    @abstractmethod
    def load(self, cache: Path) -> Sequence[Utterance]:
        """List the utterances, in a fixed order.

        Audio that has to be made (synthesis, digit strings) is written under
        ``cache``, in a folder keyed by these settings, once; made again it is bit-identical. Raises DataError.
        """

    def remarks(self) -> list[Complaint]:
        """What is worth saying of it though it can be read, such as files that are left out. Raises DataError."""
        return []
