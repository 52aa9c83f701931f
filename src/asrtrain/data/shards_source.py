"""Shards, WebDataset's and lhotse's, as sources of utterances."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, final

from asrtrain.config import FilePath
from asrtrain.data.interface import SourceConfig
from asrtrain.data.kept_tables import kept
from asrtrain.data.manifest import read_manifest
from asrtrain.data.shar import shar_files
from asrtrain.data.shards import shard_files
from asrtrain.types import Utterance


@final
class ShardsConfig(SourceConfig):
    """Recordings and texts in tar files, as WebDataset has them: ``train: {name: shards, path: corpus}``."""

    name: Literal["shards"] = "shards"
    path: FilePath
    """A tar file, or a folder of them (``*.tar``, not compressed): ``000123.flac`` with ``000123.txt`` or ``.json``."""

    def load(self, cache: Path) -> Sequence[Utterance]:
        """List the utterances in the order of the shards; what many came to is kept in ``cache``."""
        files = [file.absolute() for file in shard_files(self.path)]
        return kept(cache, "shards", files, [], lambda: read_manifest(self.path.absolute(), "shards"))


@final
class SharConfig(SourceConfig):
    """A folder that lhotse wrote with ``cuts.to_shar``: ``train: {name: shar, path: corpus}``."""

    name: Literal["shar"] = "shar"
    path: FilePath
    """The folder, with ``cuts.000000.jsonl.gz`` and ``recording.000000.tar``; cuts of single recordings only."""

    def load(self, cache: Path) -> Sequence[Utterance]:
        """List the utterances in the order of the cuts; what many came to is kept in ``cache``."""
        folder = self.path.absolute()
        files = chain.from_iterable(shar_files(folder))
        return kept(cache, "shar", files, [], lambda: read_manifest(folder, "shar"))
