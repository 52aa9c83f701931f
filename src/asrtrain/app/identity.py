"""Telling one set of data from another: all that is learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from asrtrain import run_folder
from asrtrain.app.trained import checkpoint_path
from asrtrain.data.audio import audio_info
from asrtrain.data.contents import content_hashes, digest_of, fingerprint_of_recordings
from asrtrain.data.data_config import Splits
from asrtrain.data.table import ids_of, speakers_of, texts_of
from asrtrain.errors import CheckpointError
from asrtrain.evaluation import ScoredData
from asrtrain.features.augmentation import AugmentationConfig
from asrtrain.features.augmentation.recordings import MOST, recordings_in
from asrtrain.run_config import RunConfig
from asrtrain.training import weights_hash
from asrtrain.types import Utterance


def fingerprint_of(config: RunConfig, splits: Splits, cache: Path) -> str:
    """Changes when an utterance that is learnt from comes, goes, or is another recording or another text; when recorded
    noises or rooms do; and when the run that aligns has other weights.

    Raises one DataError that names all recordings that cannot be read.
    """
    found = [*_parts(splits.train, cache), *_parts(splits.dev, cache)]
    if noises := list(_recorded(config.augmentation)):
        found.append(digest_of(content_hashes(noises, cache)))
    return f"content {digest_of([*found, *_weights_used(config)])}"


def identity_of_data(utterances: Sequence[Utterance], source: str, cache: Path) -> ScoredData:
    """What utterances that are scored are known by. Raises DataError as ``fingerprint_of`` does."""
    return ScoredData(source, digest_of(_parts(utterances, cache)), len(utterances))


def _parts(utterances: Sequence[Utterance], cache: Path) -> list[str]:
    texts = digest_of(ids_of(utterances), texts_of(utterances), speakers_of(utterances))
    return [fingerprint_of_recordings(utterances, cache), texts]


def _recorded(augmentation: AugmentationConfig) -> Iterator[Utterance]:
    """Noises and rooms, as many as are used."""
    for effect in (augmentation.noise, augmentation.reverberation):
        seconds = 0.0
        for path in [] if effect is None or effect.folder is None else recordings_in(effect.folder):
            if seconds < MOST:
                seconds += audio_info(path).duration
                yield Utterance(path.name, path, "")


def _weights_used(config: RunConfig) -> Iterator[str]:
    """Hashes of the weights of other runs; where there are none, training says so itself."""
    for run in config.named_runs.values():
        try:
            yield weights_hash(checkpoint_path(run_folder.find(run), "best"))
        except CheckpointError:
            yield "none"
