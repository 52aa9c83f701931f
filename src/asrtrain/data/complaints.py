"""What can be wrong with data, how bad each thing is, and complaints: collected, all of them, and told together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

from asrtrain.errors import DataError
from asrtrain.files.names import printable
from asrtrain.types import Source

SHOWN = 50

Severity = Literal["error", "warning", "notice"]


@final
@dataclass(frozen=True, slots=True)
class Kind:
    """A class of complaints. An utterance with an ``error`` cannot be learnt from, and is what ``--fix drop`` drops."""

    severity: Severity
    title: str


KINDS: Mapping[str, Kind] = {
    "malformed": Kind("error", "lines that cannot be understood"),
    "missing_audio": Kind("error", "recordings that are not there"),
    "duplicate_id": Kind("error", "ids that occur twice"),
    "unreadable": Kind("error", "recordings that cannot be decoded"),
    "empty_audio": Kind("error", "recordings without sound worth a frame"),
    "silent": Kind("error", "silent recordings"),
    "empty_text": Kind("error", "empty texts"),
    "unseen_symbols": Kind("error", "symbols that the training texts do not have"),
    "infeasible": Kind("error", "texts too long for their recordings"),
    "duplicate_audio": Kind("error", "the same audio under two ids"),
    "one_label": Kind("error", "a single label"),
    "audio_leak": Kind("warning", "the same audio in two splits"),
    "speaker_leak": Kind("warning", "the same speakers in two splits"),
    "unknown_words": Kind("warning", "words that the training texts do not have"),
    "cancelled": Kind("warning", "recordings whose channels cancel each other"),
    "quiet": Kind("warning", "very quiet recordings"),
    "clipped": Kind("warning", "clipped recordings"),
    "told_apart": Kind("warning", "labels that the way of recording tells apart"),
    "outlier": Kind("warning", "unusual durations"),
    "twin_symbols": Kind("warning", "symbols that look or read alike"),
    "absent_labels": Kind("warning", "labels that a split does not have"),
    "quoted": Kind("warning", "texts in quotation marks"),
    "same_texts": Kind("warning", "texts that are all the same"),
    "rare_labels": Kind("warning", "labels with few recordings"),
    "layout": Kind("warning", "folders that may mean something else"),
    "invisible": Kind("notice", "characters that nobody sees"),
    "left_out": Kind("notice", "files that are left out"),
    "resampled": Kind("notice", "other sample rates"),
    "mixed_down": Kind("notice", "recordings of several channels"),
}


@final
@dataclass(frozen=True, slots=True)
class Complaint:
    """One sentence about a line, an utterance, or the whole. ``kind`` is a key of ``KINDS``.

    ``utterance`` is the id of the utterance that would have to go, and empty where there is none.
    """

    kind: str
    message: str
    source: Source | None = None
    utterance: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return KINDS[self.kind].severity

    def __str__(self) -> str:
        """``train.csv:17: the audio file …``; without a line, the utterance's id stands for it. Says no place twice."""
        place = str(self.source or self.utterance)
        text = f"{place}: {self.message}" if place and not self.message.startswith(place) else self.message
        return text.replace(place, printable(place)) if place else text


def listing(lines: Sequence[str], most: int = SHOWN) -> str:
    """One under the other, and how many more there are."""
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def raise_any(complaints: Sequence[Complaint]) -> None:
    """Raise one DataError that tells every error among them (the first 50, and how many more), if there is any."""
    errors = [str(complaint) for complaint in complaints if complaint.severity == "error"]
    if errors:
        raise DataError(listing(errors))
