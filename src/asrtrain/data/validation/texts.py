"""Checks of texts: whether a vocabulary has their symbols, and recordings are long enough for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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


def find_unsayable(utterances: Iterable[Utterance], vocabulary: Vocabulary) -> list[Utterance]:
    """Utterances whose texts (normalised) a recogniser of this vocabulary cannot answer with."""
    return [utterance for utterance in utterances if vocabulary.unseen(utterance.text)]


def unsayable_in_words(found: Sequence[Utterance], total: int, vocabulary: Vocabulary) -> str:
    """How many of so many references they are, an example, and what to do."""
    first, what = found[0], {"label": "labels", "char": "characters", "word": "words"}[vocabulary.unit]
    cased = [case for case in ("lower", "upper") if not any(map(vocabulary.unseen, _in_case(found, case)))]
    way = f"in {cased[0]} case all of them could: write them so" if cased else "write them as the training texts are"
    unknown = named(vocabulary.unseen(first.text), 3)
    return (
        f"{len(found)} of {total} references cannot come out right, and count as errors; the first is "
        f"{first.source or first.id}, with {unknown}, which the recogniser does not have among its {what}; {way}, "
        "or list them with: asrtrain data validate MANIFEST --run RUN"
    )


def _in_case(utterances: Iterable[Utterance], case: str) -> Iterator[str]:
    return (utterance.text.lower() if case == "lower" else utterance.text.upper() for utterance in utterances)


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
