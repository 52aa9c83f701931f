"""How long utterances are, from the headers of their recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from asrtrain.data.audio import audio_info
from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.table import UtteranceTable
from asrtrain.errors import DataError
from asrtrain.types import Seconds, Utterance


def with_durations(utterances: Sequence[Utterance]) -> Sequence[Utterance]:
    """The utterances, with the durations that were not known. Raises one DataError naming all unreadable recordings."""
    if isinstance(utterances, UtteranceTable) and not np.isnan(utterances.durations).any():
        return utterances
    complaints: list[Complaint] = []
    measured = measure(utterances, complaints)
    raise_any(complaints)
    return measured


def measure(utterances: Iterable[Utterance], complaints: list[Complaint]) -> list[Utterance]:
    """As ``with_durations``, but unreadable recordings become complaints and are left out."""
    measured = []
    for utterance in utterances:
        try:
            measured.append(replace(utterance, duration=duration_of(utterance)))
        except DataError as error:
            complaints.append(Complaint("unreadable", str(error), utterance.source, utterance.id))
    return measured


def duration_of(utterance: Utterance) -> Seconds:
    """The known duration, or that of the recording from the offset on. Raises DataError if it cannot be read."""
    if utterance.duration is not None:
        return utterance.duration
    recording = audio_info(utterance.audio).duration
    if utterance.offset >= recording:
        raise DataError(f"{utterance.audio}: begins at {utterance.offset:g} s of a recording of {recording:g} s")
    return recording - utterance.offset
