"""Checks of texts: symbols, their look-alikes, and whether recordings are long enough for them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from asrtrain.data.complaints import Complaint
from asrtrain.data.validation.requirements import FrameCounts, FramesNeeded
from asrtrain.data.vocabulary import Unit, Vocabulary, named, split
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


def check_twins(texts: Sequence[str], unit: Unit) -> Iterator[Complaint]:
    """Complain, once each, of symbols that only their Unicode form, or for labels and words their case, tells apart."""
    composed = [text for text in texts if text != unicodedata.normalize("NFC", text)]
    if composed:
        message = (
            f"{len(composed)} texts have letters and accents apart, as in {composed[0]!r}: set data.text.unicode: NFC"
        )
        yield Complaint("twin_symbols", message)
    twins: dict[str, list[str]] = {}
    for symbol in sorted({symbol for text in texts for symbol in split(text, unit)}):
        plain = unicodedata.normalize("NFKC", symbol)
        twins.setdefault(plain if unit == "char" else plain.casefold(), []).append(symbol)
    alike = [group for group in twins.values() if len(group) > 1]
    if alike:
        examples = "; ".join(named(group) for group in alike[:5])
        message = f"{len(alike)} groups of look-alikes are learnt as different {unit}s: {examples}"
        yield Complaint("twin_symbols", f"{message}; data.text (case, unicode) can unify them")


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
