"""Telling one set of data from another."""

from __future__ import annotations

from pathlib import Path

from asrtrain.data.contents import digest_of, fingerprint_of_recordings
from asrtrain.data.data_config import Splits
from asrtrain.data.table import ids_of, speakers_of, texts_of


def fingerprint_of(splits: Splits, cache: Path) -> str:
    """Changes when an utterance that is learnt from comes, goes, or is another recording or another text.

    Raises one DataError that names all recordings that cannot be read.
    """
    found = []
    for split in (splits.train, splits.dev):
        found += [
            fingerprint_of_recordings(split, cache),
            digest_of(ids_of(split), texts_of(split), speakers_of(split)),
        ]
    return f"content {digest_of(found)}"
