"""Telling one set of data from another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asrtrain.data.contents import digest_of, fingerprint_of_recordings
from asrtrain.data.data_config import Splits
from asrtrain.data.table import ids_of, speakers_of, texts_of
from asrtrain.evaluation import ScoredData
from asrtrain.types import Utterance


def fingerprint_of(splits: Splits, cache: Path) -> str:
    """Changes when an utterance that is learnt from comes, goes, or is another recording or another text.

    Raises one DataError that names all recordings that cannot be read.
    """
    return f"content {digest_of([*_parts(splits.train, cache), *_parts(splits.dev, cache)])}"


def identity_of_data(utterances: Sequence[Utterance], source: str, cache: Path) -> ScoredData:
    """What utterances that are scored are known by. Raises DataError as ``fingerprint_of`` does."""
    return ScoredData(source, digest_of(_parts(utterances, cache)), len(utterances))


def _parts(utterances: Sequence[Utterance], cache: Path) -> list[str]:
    texts = digest_of(ids_of(utterances), texts_of(utterances), speakers_of(utterances))
    return [fingerprint_of_recordings(utterances, cache), texts]
