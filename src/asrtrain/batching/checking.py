"""What is looked at once the recordings to train on are read, before the first epoch."""

from __future__ import annotations

from collections.abc import Sequence

from asrtrain.batching.bounds import BatchSettings, refuse_longer
from asrtrain.batching.dataset import Dataset
from asrtrain.data.condition import SILENT_ADVICE, may_be_silent, silent_among
from asrtrain.errors import DataError
from asrtrain.types import Utterance


def check_recordings(
    dataset: Dataset, utterances: Sequence[Utterance], settings: BatchSettings, *, tell: bool = True
) -> None:
    """Say what is wrong with training recordings, if ``tell``; raise DataError for what cannot be trained on."""
    if tell:
        dataset.tell("train")
    _refuse_silent_labels(dataset, utterances)
    refuse_longer(dataset.seconds, dataset.ids, settings)


def _refuse_silent_labels(dataset: Dataset, utterances: Sequence[Utterance]) -> None:
    """Raise DataError where all utterances with one label are silent, unless it may be that of silence."""
    silent = silent_among(dataset.conditions)
    if dataset.tokens != "label" or not silent.any():
        return
    sounding = {utterance.text for utterance, mute in zip(utterances, silent, strict=True) if not mute}
    for utterance in utterances:
        if utterance.text not in sounding and not may_be_silent(utterance.text):
            raise DataError(
                f"all recordings of {utterance.text!r} are silent, such as {utterance.audio}: {SILENT_ADVICE}"
            )
