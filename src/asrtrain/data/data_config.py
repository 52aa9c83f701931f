"""The ``data`` part of a configuration: where training, development and test utterances come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, final

from pydantic import Field, Strict

from asrtrain.config import Config, OneOf
from asrtrain.data import SOURCES
from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.interface import SourceConfig
from asrtrain.data.splits import HeldOutConfig, hold_out
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
    """The utterances of a run, texts normalised. ``test`` is empty where no test source is given."""

    train: list[Utterance]
    dev: list[Utterance]
    test: list[Utterance]


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
        train, dev = self.load_training(cache)
        return Splits(train, dev, self.load_test(cache))

    def load_split(self, split: SplitName, cache: Path) -> list[Utterance]:
        """List the utterances of one split, reading no more than it needs.

        Raises DataError, and UsageError for ``test`` where no test source is given.
        """
        if split == "test":
            if self.test is None:
                raise UsageError("data.test names no source: add one, or choose another split")
            return self.load_test(cache)
        return self.load_training(cache)[0 if split == "train" else 1]

    def load_training(self, cache: Path) -> tuple[list[Utterance], list[Utterance]]:
        """List the (training, development) utterances. Raises DataError."""
        sources = self.train if isinstance(self.train, tuple) else (self.train,)
        train = self.normalised(utterance for source in sources for utterance in source.load(cache))
        if self.dev is None:
            kept, held_out = hold_out(train, self.held_out)
            return self._others(kept), self._others(held_out)
        return self._others(train), self._others(self.normalised(self.dev.load(cache)))

    def load_test(self, cache: Path) -> list[Utterance]:
        """List the test utterances; there are none without a test source. Raises DataError."""
        test = self.normalised(self.test.load(cache)) if self.test else []
        if self.leave_out is None:
            return test
        own = [utterance for utterance in test if utterance.speaker == self.leave_out]
        if not own:
            there = ", ".join(sorted({utterance.speaker for utterance in test if utterance.speaker})) or "none named"
            raise DataError(f"data.leave_out: data.test has no speaker {self.leave_out!r}; there are: {there}")
        return own

    def _others(self, utterances: Sequence[Utterance]) -> list[Utterance]:
        return [utterance for utterance in utterances if not self.leave_out or utterance.speaker != self.leave_out]

    def normalised(self, utterances: Iterable[Utterance]) -> list[Utterance]:
        """The utterances with their texts normalised. Raises DataError naming empty texts and doubled ids."""
        found = [replace(utterance, text=self.text.normalise(utterance.text)) for utterance in utterances]
        raise_any([*_empty_texts(found), *_doubled_ids(found)])
        return found


def _empty_texts(utterances: Sequence[Utterance]) -> list[Complaint]:
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
