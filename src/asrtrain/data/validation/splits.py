"""Checks between splits: what is in two of them and should not be, and what is in one and not in another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from asrtrain.data.complaints import Complaint
from asrtrain.types import Utterance

Divided = Mapping[str, Sequence[Utterance]]
"""Utterances by the name of their split."""


def check_speakers(splits: Divided) -> Iterator[Complaint]:
    """Complain of speakers in two splits: figures on the second then flatter."""
    for (first, some), (second, others) in combinations(splits.items(), 2):
        shared = {u.speaker for u in some if u.speaker} & {u.speaker for u in others}
        if shared:
            message = f"{_count(shared, 'speaker')} of {first} also in {second}: {_some(shared)}"
            yield Complaint("speaker_leak", f"{message}; figures on {second} will not hold for new speakers")


def check_recordings(splits: Divided) -> Iterator[Complaint]:
    """Complain of recordings in two splits, told by their paths."""
    for (first, some), (second, others) in combinations(splits.items(), 2):
        known = {(utterance.audio, utterance.offset): utterance for utterance in some}
        for utterance in others:
            twin = known.get((utterance.audio, utterance.offset))
            if twin:
                yield audio_leak(utterance, second, twin.id, first)


def audio_leak(utterance: Utterance, split: str, twin: str, twins_split: str) -> Complaint:
    """The complaint of an utterance whose audio is in another split."""
    message = f"{utterance.audio} in {split} is the same audio as {twin!r} in {twins_split}"
    return Complaint("audio_leak", message, utterance.source, utterance.id)


def check_labels(splits: Divided) -> Iterator[Complaint]:
    """Complain of labels in the first split (training) that another one never shows."""
    (_, training), *rest = splits.items()
    labels = {utterance.text for utterance in training}
    for name, utterances in rest:
        absent = labels - {utterance.text for utterance in utterances}
        if utterances and absent:
            yield Complaint(
                "absent_labels", f"{_count(absent, 'label')} of the training data never in {name}: {_some(absent)}"
            )


def _count(names: set[str], noun: str) -> str:
    return f"{len(names)} {noun}{'s' * (len(names) > 1)}"


def _some(names: set[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(sorted(names)[:most]) + more
