"""Reading a corpus by its name, all of its splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asrtrain.data.corpora import CORPORA
from asrtrain.data.corpora.interface import CorpusConfig
from asrtrain.data.corpora.layout import AbsentError
from asrtrain.errors import UsageError
from asrtrain.types import Utterance


def find_corpus(name: str) -> type[CorpusConfig]:
    """The corpus of this name. Raises UsageError."""
    if name not in CORPORA:
        raise UsageError(f"no corpus {name!r}; there are {', '.join(CORPORA)}")
    return CORPORA[name]


def load_splits(corpus: type[CorpusConfig], folder: Path, cache: Path) -> dict[str, Sequence[Utterance]]:
    """The utterances of all splits that are in ``folder``.

    Raises AbsentError where there is none, and DataError where one is damaged.
    """
    found: dict[str, Sequence[Utterance]] = {}
    absent: list[AbsentError] = []
    for split in corpus.card.splits:
        try:
            found[split] = corpus.model_validate({"folder": folder, "split": split}).load(cache)
        except AbsentError as error:
            absent.append(error)
    if absent and not found:
        raise absent[0]
    return found
