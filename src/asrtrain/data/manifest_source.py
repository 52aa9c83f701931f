"""A manifest of the user's own as a source of utterances."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, final

from asrtrain.config import FilePath
from asrtrain.data.interface import SourceConfig
from asrtrain.data.manifest import AnyFormat, read_manifest
from asrtrain.errors import DataError
from asrtrain.types import Utterance


@final
class ManifestConfig(SourceConfig):
    """Your own recordings: ``train: {name: manifest, path: train.csv}``."""

    name: Literal["manifest"] = "manifest"
    path: FilePath
    """A CSV, TSV or JSON Lines file, a Kaldi data directory, a folder per class, or LJSpeech's metadata.csv."""
    format: AnyFormat = "auto"
    """The manifest's format; ``auto`` tells it from the file."""
    audio_root: FilePath | None = None
    """The folder that audio paths are relative to; by default the manifest's own."""

    def load(self, cache: Path) -> list[Utterance]:
        """List the utterances in the order of the manifest; nothing is written to ``cache``."""
        if not self.path.exists():
            raise DataError(f"{self.path}: there is no such manifest; set the path of the data source to yours")
        return read_manifest(self.path, self.format, self.audio_root)
