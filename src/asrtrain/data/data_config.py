"""The ``data`` part of a configuration: where training, development and test utterances come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, final

import numpy as np
from pydantic import Field, Strict

from asrtrain.config import Config, OneOf
from asrtrain.data import SOURCES
from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.interface import SourceConfig
from asrtrain.data.invisible import check_invisible
from asrtrain.data.splits import HeldOutConfig, hold_out
from asrtrain.data.table import UtteranceTable, chosen, speakers_of
from asrtrain.data.text import TextConfig
from asrtrain.data.vocabulary import Unit
from asrtrain.errors import DataError, UsageError
from asrtrain.types import Utterance

SplitName = Literal["train", "dev", "test"]
AnySource = Annotated[SourceConfig, OneOf(SOURCES)]
AnySources = Annotated[tuple[AnySource, ...], Strict(False), Field(min_length=1)]


@final
@dataclass(frozen=True, slots=True)
class Splits:
    """The utterances of a run, texts normalised. ``test`` is empty where no test source is given.

    ``remarks`` are worth saying before training: what the sources leave out, and what normalising removes from texts.
    """

    train: Sequence[Utterance]
    dev: Sequence[Utterance]
    test: Sequence[Utterance]
    remarks: Sequence[Complaint] = ()


_FEW = 1 << 14
"""So many utterances are made into records once; of more, records are made when they are asked for, and let go."""


@final
class DataConfig(Config):
    """Where utterances come from, how their texts are written, and what they are made of."""

    train: AnySource | AnySources
    """Where the training utterances come from: one source, or a list of sources."""
    dev: AnySource | None = None
    """A source for early stopping and choosing checkpoints; null holds a part of ``train`` out."""
    held_out: HeldOutConfig = HeldOutConfig()
    """Which part of ``train`` is held out, if there is no ``dev``."""
    test: AnySource | None = None
    """A source for the final figures; nothing is ever chosen by them."""
    leave_out: str | None = None
    """A speaker who is kept out of training and development, and is the only one tested; ``crossval`` sets it."""
    text: TextConfig = TextConfig()
    """How labels and transcripts are normalised: the same for every split, and for scoring."""
    unit: Unit = "label"
    """What is recognised: ``label`` tells whole words apart, ``char`` and ``word`` spell transcripts."""

    def load(self, cache: Path) -> Splits:
        """List the utterances of all splits. Raises DataError."""
        remarks: list[Complaint] = []
        train, dev = self._training(cache, remarks)
        return Splits(train, dev, self._tested(cache, remarks), tuple(dict.fromkeys(remarks)))

    def load_split(self, split: SplitName, cache: Path) -> Sequence[Utterance]:
        """List the utterances of one split, reading no more than it needs.

        Raises DataError, and UsageError for ``test`` where no test source is given.
        """
        if split == "test":
            if self.test is None:
                raise UsageError("data.test names no source: add one, or choose another split")
            return self.load_test(cache)
        return self.load_training(cache)[0 if split == "train" else 1]

    def load_training(self, cache: Path) -> tuple[Sequence[Utterance], Sequence[Utterance]]:
        """List the (training, development) utterances. Raises DataError."""
        return self._training(cache, [])

    def load_test(self, cache: Path) -> Sequence[Utterance]:
        """List the test utterances; there are none without a test source. Raises DataError."""
        return self._tested(cache, [])

    def _training(self, cache: Path, remarks: list[Complaint]) -> tuple[Sequence[Utterance], Sequence[Utterance]]:
        sources = self.train if isinstance(self.train, tuple) else (self.train,)
        listed = [_listed(source, cache, remarks) for source in sources]
        train = self.normalised(listed[0] if len(listed) == 1 else list(chain.from_iterable(listed)))
        if self.dev is not None:
            dev = self.normalised(_listed(self.dev, cache, remarks))
        elif (
            self.held_out.by == "speaker"
        ):  # of the others, so that whom nobody may learn from is not all that is held out
            train, dev = hold_out(self._others(train, "training"), self.held_out)
        else:
            train, dev = hold_out(train, self.held_out)
        return self._others(train, "training"), self._others(dev, "development")

    def _tested(self, cache: Path, remarks: list[Complaint]) -> Sequence[Utterance]:
        test = self.normalised(_listed(self.test, cache, remarks)) if self.test else []
        if self.leave_out is None:
            return test
        own = [utterance for utterance in test if utterance.speaker == self.leave_out]
        if not own:
            there = ", ".join(sorted({utterance.speaker for utterance in test if utterance.speaker})) or "none named"
            raise DataError(f"data.leave_out: data.test has no speaker {self.leave_out!r}; there are: {there}")
        return own

    def _others(self, utterances: Sequence[Utterance], part: str) -> Sequence[Utterance]:
        """The utterances of all speakers but the one who is left out. Raises DataError if there are none."""
        if not self.leave_out:
            return utterances
        spoken = np.array([speaker != self.leave_out for speaker in speakers_of(utterances)], bool)
        if len(utterances) and not spoken.any():
            raise DataError(
                f"data.leave_out: {self.leave_out!r} speaks all {len(utterances)} {part} utterances: none are left"
            )
        return chosen(utterances, spoken)

    def normalised(self, utterances: Sequence[Utterance]) -> Sequence[Utterance]:
        """The utterances with their texts normalised. Raises DataError naming empty texts and doubled ids."""
        if isinstance(utterances, UtteranceTable):  # its ids differ
            table = utterances.with_texts(self.text.normalise)
            raise_any(_empty_texts(chosen(table, np.array([not text for text in table.texts], bool))))
            return table if len(table) > _FEW else list(table)
        found = [replace(utterance, text=self.text.normalise(utterance.text)) for utterance in utterances]
        raise_any([*_empty_texts(found), *_doubled_ids(found)])
        return found


def _listed(source: SourceConfig, cache: Path, remarks: list[Complaint]) -> Sequence[Utterance]:
    """A source's utterances as they are written; what is to be said of them is added to ``remarks``."""
    utterances = source.load(cache)
    remarks += [*source.remarks(), *check_invisible(utterances)]
    return utterances


def _empty_texts(utterances: Iterable[Utterance]) -> list[Complaint]:
    message = "nothing is left of the text after normalisation (data.text)"
    return [Complaint("empty_text", message, u.source, u.id) for u in utterances if not u.text]


def _doubled_ids(utterances: Sequence[Utterance]) -> list[Complaint]:
    first: dict[str, Utterance] = {}
    return [
        Complaint(
            "duplicate_id", f"the id {u.id!r} is that of {first[u.id].source or first[u.id].audio} too", u.source, u.id
        )
        for u in utterances
        if first.setdefault(u.id, u) is not u
    ]
