"""Alignments, rates and intervals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asrtrain.evaluation import Counts, EvalReport, Outcome, align, count, read_results, write_results
from asrtrain.evaluation.tables import alignment_lines
from asrtrain.types import Hypothesis, Task

WORDS = st.lists(st.sampled_from(["one", "two", "three", "four"]), max_size=8)


def outcome(reference: str, heard: str, speaker: str = "a", name: str = "u") -> Outcome:
    return Outcome(name, speaker, 1.0, reference, Hypothesis(name, heard, 0.5))


def plain_distance(a: list[str], b: list[str]) -> int:
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


@given(WORDS, WORDS)
def test_an_alignment_spells_both_sides_and_has_the_fewest_edits(said: list[str], heard: list[str]) -> None:
    pairs = align(said, heard)
    assert [a for a, _ in pairs if a is not None] == said
    assert [b for _, b in pairs if b is not None] == heard
    counts = count(pairs)
    assert counts.errors == plain_distance(said, heard)
    assert counts.reference == len(said)


def test_rates_are_not_capped_and_empty_references_count() -> None:
    assert count(align(["one"], ["one", "two", "two"])).rate == 2.0
    assert Counts().rate == 0.0
    assert count(align([], ["one"])).rate == 1.0


def test_the_kaldi_line() -> None:
    report = EvalReport(
        "transcription", "test", [outcome("one two three", "one too three four"), outcome("six", "six")], 0.2
    )
    first, cer, ser, rtf = report.to_text().splitlines()
    assert first.startswith("%WER 50.00 [ 2 / 4, 1 ins, 0 del, 1 sub ]")
    assert cer.startswith("%CER ")
    assert ser == "%SER 50.00 [ 1 / 2 ]"
    assert rtf == "real-time factor 0.1000"
    figures = report.to_json()
    assert (figures["wer"], figures["ser"], figures["n"]) == (0.5, 0.5, 2)
    assert (figures["substitutions"], figures["insertions"], figures["deletions"]) == (1, 1, 0)


def test_words_that_nobody_could_have_recognised_are_told(tmp_path: Path) -> None:
    outcomes = [outcome("one two three four", "one")]
    report = EvalReport("transcription", "test", outcomes, 0.2, 1)
    assert "%OOV 25.00 [ 1 / 4 ]" in report.to_text().splitlines()
    assert report.to_json()["out_of_vocabulary"] == 1
    assert "OOV" not in EvalReport("transcription", "test", outcomes, 0.2, 0).to_text()
    write_results(report, tmp_path)
    assert read_results(tmp_path, "test").unknown == 1


def test_accuracy_and_confusions() -> None:
    outcomes = [outcome("one", "one"), outcome("two", "one", "b"), outcome("two", "one", "b"), outcome("two", "two")]
    report = EvalReport("classification", "dev", outcomes, 1.0)
    assert report.accuracy == 0.5
    assert report.confusions == {("two", "one"): 2}
    assert report.to_text().startswith("%ACC 50.00 [ 2 / 4 ]")
    low, high = report.confidence_interval
    assert 0 <= low < 0.5 < high <= 1
    assert {name: own.accuracy for name, own in report.speakers.items()} == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize("task", ["classification", "transcription"])
def test_of_nothing_there_are_no_figures(task: Task, tmp_path: Path) -> None:
    nothing = EvalReport(task, "test-3-of-3", [], 0.0)
    assert nothing.to_json() == {"task": task, "name": "test-3-of-3", "n": 0, "real_time_factor": 0.0}
    assert nothing.to_text() == "test-3-of-3: no utterance is in it"
    write_results(nothing, tmp_path)
    assert read_results(tmp_path, "test-3-of-3") == nothing


def test_the_written_results(tmp_path) -> None:
    report = EvalReport("transcription", "test", [outcome("a b", "a", name="x"), outcome("c", "c", "s", "y")], 1.0)
    write_results(report, tmp_path)
    assert json.loads((tmp_path / "test.json").read_text())["wer"] == pytest.approx(1 / 3)
    assert "ref: a b\nhyp: a ***" in (tmp_path / "test.txt").read_text()
    assert len((tmp_path / "test-utterances.tsv").read_text().splitlines()) == 3
    assert (tmp_path / "test-speakers.tsv").read_text().splitlines()[1].startswith("a\t1\t1\t2\t0.5")
    assert (tmp_path / "test-confusions.tsv").read_text() == "said\trecognised\ttimes\n"


def test_alignment_lines_stand_above_each_other() -> None:
    assert alignment_lines([("one", "seven"), (None, "x"), ("y", None)]) == ("one   *** y", "seven x   ***")
