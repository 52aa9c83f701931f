"""Checks of how often labels occur: one label is nothing to tell apart, and one recording nothing to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from asrtrain.data.complaints import Complaint
from asrtrain.data.table import texts_of
from asrtrain.data.validation.splits import Divided
from asrtrain.data.vocabulary import Vocabulary

FEW = 2
"""Recordings; a label with no more is hardly learnt."""


def check_counts(splits: Divided, vocabulary: Vocabulary | None) -> Iterator[Complaint]:
    """Complain of a first split, the training data, with one label, and of labels that are rare in it.

    Without a ``vocabulary``, texts are taken as labels where most of them recur. Data other than ``train`` may be of
    one label where the vocabulary knows more: a recogniser has learnt those.
    """
    first, utterances = next(iter(splits.items()))
    counts = Counter(texts_of(utterances))
    unit = vocabulary.unit if vocabulary else None
    are_labels = unit == "label" or (unit is None and len(utterances) > 1)
    if len(counts) == 1 and are_labels and (first == "train" or vocabulary is None or len(vocabulary) == 1):
        yield Complaint("one_label", _refused(next(iter(counts)), len(utterances)))
    elif len(counts) == 1 and len(utterances) > 1:
        message = (
            f"all {len(utterances)} texts are {next(iter(counts))[:60]!r}: a recogniser learns to say nothing else"
        )
        yield Complaint("same_texts", message)
    elif unit == "label" or (unit is None and 4 * len(counts) <= len(utterances)):
        yield from _rare(counts, splits)


def _refused(label: str, count: int) -> str:
    every = f"all {count} training recordings have" if count > 1 else "the only training recording has"
    return (
        f"{every} the label {label!r}: a recogniser tells two labels or more apart; add recordings of other words, or "
        "of anything else under a label of its own"
    )


def _rare(counts: Mapping[str, int], splits: Divided) -> Iterator[Complaint]:
    known = {text for name, split in splits.items() if name != "test" for text in texts_of(split)}
    rare = {text: counts.get(text, 0) for text in sorted(known) if counts.get(text, 0) <= FEW}
    if rare:
        some = ", ".join(f"{text!r} {count}" for text, count in list(rare.items())[:10])
        more = f" and {len(rare) - 10} more" if len(rare) > 10 else ""
        message = f"{len(rare)} labels have {FEW} training recordings or fewer: {some}{more}"
        yield Complaint("rare_labels", message)
