"""Telling one set of data from another."""

from __future__ import annotations

from asrtrain.data.data_config import Splits
from asrtrain.errors import DataError
from asrtrain.features.cache import fingerprint
from asrtrain.types import Utterance


def fingerprint_of(splits: Splits) -> str:
    """Changes when an utterance that is learnt from comes, goes, or is another recording or another text.

    Raises DataError for a recording that is not there.
    """
    return fingerprint([[_identity(u) for u in split] for split in (splits.train, splits.dev)])


def _identity(utterance: Utterance) -> list[str | int | float | None]:
    try:
        size = utterance.audio.stat().st_size
    except OSError as error:
        where = utterance.source or utterance.id
        raise DataError(f"{where}: {utterance.audio} cannot be read: {error.strerror}") from error
    return [utterance.id, utterance.text, utterance.speaker, size, utterance.offset, utterance.duration]
