"""Checks of texts: whether a vocabulary has their symbols, and recordings are long enough for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asrtrain.data.complaints import Complaint
from asrtrain.data.validation.requirements import FrameCounts, FramesNeeded
from asrtrain.data.vocabulary import Vocabulary, named
from asrtrain.types import Utterance


def check_symbols(utterances: Iterable[Utterance], vocabulary: Vocabulary) -> Iterator[Complaint]:
    """Complain of texts (normalised) with symbols that the vocabulary lacks."""
    for utterance in utterances:
        unseen = vocabulary.unseen(utterance.text)
        if unseen:
            message = f"not in the training texts: {named(unseen)}"
            yield Complaint("unseen_symbols", message, utterance.source, utterance.id)


def check_words(utterances: Iterable[Utterance], vocabulary: Vocabulary) -> Iterator[Complaint]:
    """Complain once of all words to be scored that the vocabulary, of words, lacks."""
    words = [word for utterance in utterances for word in utterance.text.split()]
    known = set(vocabulary.symbols)
    unknown = [word for word in words if word not in known]
    if unknown:
        message = (
            f"{len(unknown)} of {len(words)} words of the test ({len(unknown) / len(words):.1%}) cannot be recognised, "
            f"and are errors when it is scored: {named(dict.fromkeys(unknown), 5)}"
        )
        yield Complaint("unknown_words", message)


def check_feasible(
    utterances: Iterable[Utterance], vocabulary: Vocabulary, frame_counts: FrameCounts, frames_needed: FramesNeeded
) -> Iterator[Complaint]:
    """Complain of utterances of known duration that have fewer frames than their texts need."""
    known = [u for u in utterances if u.duration is not None and not vocabulary.unseen(u.text)]
    frames = frame_counts([utterance.duration or 0.0 for utterance in known])
    for utterance, available in zip(known, frames, strict=True):
        needed = frames_needed(vocabulary.encode(utterance.text))
        if available < needed:
            message = (
                f"its {len(utterance.text)} characters need {needed} frames, but this model makes {available} "
                f"of its {utterance.duration:.2f} s: check the text, or subsample less"
            )
            yield Complaint("infeasible", message, utterance.source, utterance.id)
