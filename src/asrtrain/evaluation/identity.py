"""What a result is of: which data, which weights, and how they were searched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

from asrtrain.files.json_text import read_record

_SHORT = 8
_ORIGIN = ("checkpoint", "epoch", "weights", "search")


@final
@dataclass(frozen=True, slots=True)
class Origin:
    """Where recognised words are from: the checkpoint's folder in that of the run, and its epoch; the SHA-256 of its
    weights; how they were searched.
    """

    checkpoint: str
    epoch: int
    weights: str = ""
    search: Mapping[str, str | float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.checkpoint} (epoch {self.epoch})"


@final
@dataclass(frozen=True, slots=True)
class ScoredData:
    """What was recognised: a part of so many utterances of so much content, all of it where ``part`` is empty.

    ``source`` says where they were found, which the same utterances elsewhere do not share.
    """

    source: str = field(compare=False)
    fingerprint: str
    utterances: int
    part: str = ""

    @property
    def short(self) -> str:
        """For names of files."""
        return self.fingerprint[:_SHORT]


def identity_of(origin: Origin | None, data: ScoredData | None) -> dict[str, Any]:
    """Both as plain values, under the names that they have in files of results."""
    return {**(asdict(origin) if origin else {}), **({"data": asdict(data)} if data else {})}


def read_identity(known: Mapping[str, Any]) -> tuple[Origin | None, ScoredData | None]:
    """What ``identity_of`` has written, also as earlier versions did. Raises ValueError for anything else."""
    data = read_record(ScoredData, known["data"]) if "data" in known else None
    if "checkpoint" not in known:
        return None, data
    told = {"weights": "", "search": {}} | {name: known[name] for name in _ORIGIN if name in known}
    return read_record(Origin, told), data


def short_identity(origin: Origin | None, data: ScoredData | None) -> str:
    """A hash that differs where the origin or the data do, for names of files."""
    told = identity_of(origin, data)
    told.get("data", {}).pop("source", None)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:_SHORT]
