"""Holding a development or test part out: by a stable hash, by whole speakers, or by a given list."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from asrtrain.config import Config, FilePath
from asrtrain.data.complaints import listing
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.data.lookalikes import twin
from asrtrain.data.table import chosen, ids_of, speakers_of
from asrtrain.errors import DataError
from asrtrain.files.reading import LARGEST_LIST, read_text
from asrtrain.types import Utterance

Parts = tuple[Sequence[Utterance], Sequence[Utterance]]
Mask = npt.NDArray[np.bool_]


@final
class HeldOutConfig(Config):
    """Which part of the utterances is held out: for early stopping and choosing checkpoints, or as test data."""

    by: Literal["hash", "speaker", "list"] = "hash"
    """``hash``: every utterance by a hash of its id; ``speaker``: whole speakers; ``list``: the ids of a file."""
    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The share of utterances held out, for ``hash`` and ``speaker``."""
    seed: int = 0
    """Another seed holds out another part."""
    list: FilePath | None = None
    """For ``by: list``: a text file with the id of one held-out utterance a line."""

    @model_validator(mode="after")
    def _list_where_needed(self) -> Self:
        if self.by == "list" and self.list is None:
            raise ValueError("held_out.by is list, but held_out.list names no file: give it one")
        if self.by != "list" and self.list is not None:
            raise ValueError(
                f"held_out.list is given, but held_out.by is {self.by}: write by: list, or remove the list"
            )
        return self


def hold_out(utterances: Sequence[Utterance], config: HeldOutConfig) -> Parts:
    """Divide into (training, development), both in their first order and neither empty.

    An utterance keeps its side under ``hash`` when others come or go; under ``speaker`` no speaker is on both sides.
    Raises DataError where that is impossible, or for ids of the list that do not exist.
    """
    if len(utterances) < 2:
        raise DataError(f"cannot hold a development part out of {len(utterances)} utterance(s): name a dev source")
    if config.by == "list":
        assert config.list is not None
        listed = _listed(utterances, config.list)
        held = _mask(name in listed for name in ids_of(utterances))
    elif config.by == "speaker":
        speakers = _some_speakers(utterances, config)
        held = _mask(speaker in speakers for speaker in speakers_of(utterances))
    else:
        held = _hashed(ids_of(utterances), config)
    return chosen(utterances, ~held), chosen(utterances, held)


def _mask(answers: Iterable[bool]) -> Mask:
    return np.fromiter(answers, np.bool_)


def _place(seed: int, name: str) -> float:
    """A number in [0, 1) that depends on nothing but the seed and the name."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _hashed(ids: Sequence[str], config: HeldOutConfig) -> Mask:
    places = np.fromiter((_place(config.seed, name) for name in ids), np.float64, len(ids))
    held: Mask = places < config.fraction
    # Few utterances may all fall on one side; then the nearest one changes it.
    if not held.any():
        held[places.argmin()] = True
    elif held.all():
        held[places.argmax()] = False
    return held


def _some_speakers(utterances: Sequence[Utterance], config: HeldOutConfig) -> set[str]:
    counts = _speakers(utterances)
    order = sorted(counts, key=lambda speaker: _place(config.seed, speaker))
    chosen = {order[0]}
    for speaker in order[1:-1]:
        if sum(counts[name] for name in chosen) >= config.fraction * len(utterances):
            break
        chosen.add(speaker)
    return chosen


def _speakers(utterances: Sequence[Utterance]) -> Counter[str]:
    speakers = speakers_of(utterances)
    counts = Counter(speakers)
    if counts[""]:
        first = next(utterances[place] for place, speaker in enumerate(speakers) if not speaker)
        raise DataError(
            f"{first.source or first.id}: {counts['']} of {len(utterances)} utterances have no speaker, "
            "so they cannot be divided by speaker: write by: hash, or name the speakers, in a column or in utt2spk; a "
            "folder per class has no place for them"
        )
    if len(counts) < 2:
        raise DataError(
            f"the only speaker is {next(iter(counts))!r}, so nothing can be divided by speaker: write by: hash"
        )
    return counts


def _listed(utterances: Sequence[Utterance], path: Path) -> set[str]:
    lines = read_text(path, LARGEST_LIST, DataError).splitlines()
    known = set(ids_of(utterances))
    wanted = {number: _id(line.strip(), known) for number, line in enumerate(lines, start=1) if line.strip()}
    unknown = [
        f"{path}:{number}: no utterance has the id {name!r}{_hint(name, known)}"
        for number, name in wanted.items()
        if name not in known
    ]
    if unknown:
        raise DataError(listing(unknown))
    chosen = set(wanted.values())
    if not chosen or chosen == known:
        raise DataError(f"{path} holds out {'all' if chosen else 'none'} of the {len(known)} utterances")
    return chosen


def _hint(name: str, known: set[str]) -> str:
    other = twin(name, sorted(known))
    return f"; {other!r} is another, which only looks or reads alike" if other else ""


def _id(written: str, known: set[str]) -> str:
    """Speech Commands' lists name files: ``yes/0a7c2a8d_nohash_0.wav``."""
    path = Path(written)
    named_as_file = written not in known and path.suffix.lower() in AUDIO_SUFFIXES
    return path.with_suffix("").as_posix() if named_as_file else written
