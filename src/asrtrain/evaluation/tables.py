"""The details behind the figures: utterance by utterance, speaker by speaker, word by word."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from asrtrain.evaluation.alignment import Pair
from asrtrain.evaluation.outcome import Outcome
from asrtrain.evaluation.report import EvalReport, error_line
from asrtrain.files.sealed import seal
from asrtrain.files.writing import make_folder, write_file

MISSING = "***"
TABLE_HASH = "utterances_sha256"
"""Under this name the figures hold what the table of utterances must come to, for both are read back."""


def write_results(report: EvalReport, folder: Path) -> None:
    """Write ``NAME.json``, ``NAME.txt`` and the tables ``NAME-*.tsv`` of a report into ``folder``."""
    make_folder(folder)
    name = report.name
    utterances = utterance_table(report.outcomes)
    write_file(folder / f"{name}.txt", detailed_text(report))
    write_file(folder / f"{name}-utterances.tsv", utterances)
    write_file(folder / f"{name}-speakers.tsv", speaker_table(report))
    write_file(folder / f"{name}-confusions.tsv", confusion_table(report))
    # Last, as it says what the others are of.
    write_file(folder / f"{name}.json", seal({**report.to_json(), TABLE_HASH: hash_of(utterances)}))


def hash_of(table: str) -> str:
    """SHA-256 of a table, in hexadecimal."""
    return hashlib.sha256(table.encode()).hexdigest()


def detailed_text(report: EvalReport) -> str:
    """The figures, then the alignment of every utterance that has an error."""
    blocks = [report.to_text()]
    for outcome in report.outcomes:
        if not outcome.correct:
            said, heard = alignment_lines(outcome.word_pairs)
            blocks.append(f"{outcome.id} {error_line('WER', outcome.words)}\nref: {said}\nhyp: {heard}")
    return "\n\n".join(blocks) + "\n"


def alignment_lines(pairs: Iterable[Pair]) -> tuple[str, str]:
    """Two lines in which each word stands above the one recognised for it; ``***`` where there is none."""
    said_line, heard_line = [], []
    for said, heard in pairs:
        width = max(len(said or MISSING), len(heard or MISSING))
        said_line.append((said or MISSING).ljust(width))
        heard_line.append((heard or MISSING).ljust(width))
    return " ".join(said_line).rstrip(), " ".join(heard_line).rstrip()


def utterance_table(outcomes: Sequence[Outcome]) -> str:
    """One row an utterance."""
    header = ["id", "speaker", "duration", "correct", "errors", "words", "confidence", "reference", "hypothesis"]
    return _tsv([header, *map(_utterance_row, outcomes)])


def _utterance_row(outcome: Outcome) -> list[object]:
    words, hypothesis = outcome.words, outcome.hypothesis
    figures = [f"{outcome.duration:.3f}", int(outcome.correct), words.errors, words.reference]
    return [outcome.id, outcome.speaker, *figures, f"{hypothesis.confidence:.4f}", outcome.reference, hypothesis.text]


def speaker_table(report: EvalReport) -> str:
    """One row a speaker."""
    rows: list[list[object]] = [["speaker", "n", "errors", "words", "error_rate", "sentence_error_rate"]]
    for speaker, own in report.speakers.items():
        counts, rates = own.words, (own.words.rate, 1 - own.accuracy)
        rows.append([speaker, len(own.outcomes), counts.errors, counts.reference, *(f"{rate:.6f}" for rate in rates)])
    return _tsv(rows)


def confusion_table(report: EvalReport) -> str:
    """One row a pair of words that were confused, the most frequent first."""
    ordered = sorted(report.confusions.items(), key=lambda item: (-item[1], item[0]))
    return _tsv([["said", "recognised", "times"], *[[said, heard, n] for (said, heard), n in ordered]])


def _tsv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    return text.getvalue()
