"""Telling one set of data from another."""

from __future__ import annotations

from collections.abc import Iterator

from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.data_config import Splits
from asrtrain.data.recordings import status_of
from asrtrain.errors import DataError
from asrtrain.features.cache import fingerprint_of_parts
from asrtrain.types import Utterance


def fingerprint_of(splits: Splits) -> str:
    """Changes when an utterance that is learnt from comes, goes, or is another recording or another text.

    Raises one DataError that names all recordings that are not there.
    """
    missing: list[Complaint] = []

    def identities(utterances: Iterator[Utterance]) -> Iterator[list[str | int | float | None]]:
        for utterance in utterances:
            try:
                yield _identity(utterance)
            except DataError as error:
                missing.append(Complaint("missing_audio", str(error), utterance.source, utterance.id))

    found = fingerprint_of_parts("[", identities(iter(splits.train)), ",", identities(iter(splits.dev)), "]")
    raise_any(missing)
    return found


def _identity(utterance: Utterance) -> list[str | int | float | None]:
    size = status_of(utterance.audio).size
    return [utterance.id, utterance.text, utterance.speaker, size, utterance.offset, utterance.duration]
