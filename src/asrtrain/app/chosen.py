"""What is scored or aligned: utterances, what they are known by, and what their results are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from asrtrain.app.identity import identity_of_data
from asrtrain.app.trained import Checkpoint
from asrtrain.assembly import cache_folder
from asrtrain.data.data_config import DataConfig, SplitName
from asrtrain.data.invisible import check_invisible
from asrtrain.data.manifest_source import ManifestConfig
from asrtrain.evaluation import ScoredData
from asrtrain.files.names import safe_name
from asrtrain.terminal import say
from asrtrain.types import Utterance

_ROOM = 100
"""Bytes of a file's name that are left for hashes, checkpoints, parts and endings."""


@final
@dataclass(frozen=True, slots=True)
class Chosen:
    """Utterances, and the name of their results by one of a run's checkpoints.

    That is ``test`` for a split and the best checkpoint, ``test-last`` for another checkpoint, and for a manifest its
    own name and a hash of its utterances: ``test-1f2e3d4c``.
    """

    utterances: Sequence[Utterance]
    data: ScoredData
    name: str


def choose(settings: DataConfig, data: str | Path | None, split: SplitName, checkpoint: Checkpoint) -> Chosen:
    """The utterances of a manifest, written as the run's texts are, or else of one of its splits.

    Says what is left out of the manifest, and what its texts lose.

    Raises UsageError, DataError.
    """
    if data is None:
        return of_split(settings.load_split(split, cache_folder()), split, checkpoint)
    manifest = ManifestConfig(path=Path(data))
    written = manifest.load(cache_folder())
    for complaint in (*manifest.remarks(), *check_invisible(written)):
        say(f"{complaint.severity}: {complaint}")
    utterances = settings.normalised(written)
    known = identity_of_data(utterances, str(Path(data).absolute()), cache_folder())
    return Chosen(utterances, known, _named(f"{safe_name(Path(data).resolve().stem, _ROOM)}-{known.short}", checkpoint))


def of_split(utterances: Sequence[Utterance], split: SplitName, checkpoint: Checkpoint) -> Chosen:
    """The utterances of a run's split, which are loaded already. Raises DataError."""
    return Chosen(utterances, identity_of_data(utterances, f"data.{split}", cache_folder()), _named(split, checkpoint))


def _named(data: str, checkpoint: Checkpoint) -> str:
    return data if checkpoint == "best" else f"{data}-{checkpoint}"
