"""A manifest of the user's own as a source of utterances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self, final

from pydantic import model_validator

from asrtrain.config import FilePath
from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.kaldi import FILES as KALDI_FILES
from asrtrain.data.interface import SourceConfig
from asrtrain.data.kept_tables import kept
from asrtrain.data.manifest import AnyFormat, detect_format, read_manifest, remarks_on
from asrtrain.data.splits import HeldOutConfig, hold_out
from asrtrain.data.table import UtteranceTable
from asrtrain.errors import DataError
from asrtrain.types import Utterance


@final
class ManifestConfig(SourceConfig):
    """Your own recordings: ``train: {name: manifest, path: train.csv}``."""

    name: Literal["manifest"] = "manifest"
    path: FilePath
    """A CSV, TSV or JSON Lines file, a Kaldi data directory, a folder per class, LJSpeech's metadata.csv, or
    shards, which ``{name: shards}`` opens sooner."""
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
                else f"split is {self.split}, but nothing divides the manifest: write test_part: {{by: hash}}, or "
                "{by: speaker} where speakers are named"
            )
        return self

    def load(self, cache: Path) -> Sequence[Utterance]:
        """List the utterances in the order of the manifest; what long ones came to is kept in ``cache``."""
        if not self.path.exists():
            raise DataError(f"{self.path}: there is no such manifest; set the path of the data source to yours")
        utterances = self._listed(cache)
        if self.test_part is None:
            return utterances
        train, test = hold_out(utterances, self.test_part)
        return train if self.split == "train" else test

    def remarks(self) -> list[Complaint]:
        """What is left out of a folder, and what it may mean besides."""
        return remarks_on(self.path, self.format, self.audio_root)

    def _listed(self, cache: Path) -> Sequence[Utterance]:
        def read() -> UtteranceTable:
            return read_manifest(self.path, self.format, self.audio_root)

        files = [self.path / name for name in KALDI_FILES] if self.path.is_dir() else [self.path]
        files = [file.absolute() for file in files if file.is_file()]
        name = detect_format(self.path) if self.format == "auto" else self.format
        if (
            not files
            or self.path.name == KALDI_FILES[0]
            or name == "ljspeech"
            or (self.path.is_dir() and name != "kaldi")
        ):
            return read()  # other files say what is in it
        # As written too: the table tells files as they were written, which may be relative to another folder now.
        roots = (self.path, self.audio_root, self.audio_root and self.audio_root.absolute())
        settings = [self.format, *map(str, roots)]
        return kept(cache, "manifest", files, settings, read)
