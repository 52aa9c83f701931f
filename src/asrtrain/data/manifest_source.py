"""A manifest of the user's own as a source of utterances."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self, final

from pydantic import model_validator

from asrtrain.config import FilePath
from asrtrain.data.interface import SourceConfig
from asrtrain.data.manifest import AnyFormat, read_manifest
from asrtrain.data.splits import HeldOutConfig, hold_out
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
    split: Literal["all", "train", "test"] = "all"
    """For one manifest that serves as training and as test data: which side of ``test_part`` is meant."""
    test_part: HeldOutConfig | None = None
    """The part that is ``test``; say the same on both sides: ``{by: speaker, fraction: 0.2}`` keeps speakers apart."""

    @model_validator(mode="after")
    def _split_where_divided(self) -> Self:
        if (self.split == "all") != (self.test_part is None):
            raise ValueError(
                "test_part divides the manifest, but split is all: write split: train or test"
                if self.test_part
                else f"split is {self.split}, but nothing divides the manifest: write test_part: {{by: speaker}}"
            )
        return self

    def load(self, cache: Path) -> list[Utterance]:
        """List the utterances in the order of the manifest; nothing is written to ``cache``."""
        if not self.path.exists():
            raise DataError(f"{self.path}: there is no such manifest; set the path of the data source to yours")
        utterances = read_manifest(self.path, self.format, self.audio_root)
        if self.test_part is None:
            return utterances
        train, test = hold_out(utterances, self.test_part)
        return train if self.split == "train" else test
