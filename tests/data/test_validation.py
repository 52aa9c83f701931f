"""Validation: each kind of complaint is found where it should be, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asrtrain.data.complaints import KINDS
from asrtrain.data.condition import clipped_share
from asrtrain.data.manifest import read_manifest, write_manifest
from asrtrain.data.text import TextConfig
from asrtrain.data.validation import (
    Report,
    Requirements,
    check_cheaply,
    drop_errors,
    validate_manifest,
    validate_splits,
)
from asrtrain.data.validation.requirements import ctc_frames
from asrtrain.data.validation.twins import check_twins
from asrtrain.data.vocabulary import Unit, Vocabulary
from asrtrain.errors import DataError
from asrtrain.types import Seconds, Utterance


def frames(shift: Seconds):
    return lambda durations: [int(duration / shift) for duration in durations]


def noise(seed: int, seconds: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(8000 * seconds))


def save(folder: Path, name: str, samples: np.ndarray, rate: int = 8000) -> Utterance:
    soundfile.write(folder / f"{name}.wav", samples, rate)
    return Utterance(name, folder / f"{name}.wav", "yes")


def said(report: Report) -> set[tuple[str, str]]:
    return {(complaint.kind, complaint.utterance) for complaint in report.complaints}


@pytest.fixture
def broken(tmp_path: Path) -> list[Utterance]:
    """Recordings named by what is wrong with them."""
    square = np.sign(np.sin(np.arange(2400) / 5))
    utterances = [
        save(tmp_path, "good", noise(0)),
        save(tmp_path, "duplicate_audio", noise(0)),
        save(tmp_path, "silent", np.zeros(2400)),
        save(tmp_path, "clipped", np.clip(3 * noise(1) / 0.3, -1, 1)),
        save(tmp_path, "empty_audio", noise(2, 0.001)),
        save(tmp_path, "outlier", noise(3, 120.0)),
        save(tmp_path, "faster", noise(4), 16000),
        save(tmp_path, "stereo", np.stack([noise(5), square / 3], axis=1)),
    ]
    utterances += [save(tmp_path, f"plain{seed}", noise(seed)) for seed in range(10, 30)]
    (tmp_path / "unreadable.wav").write_bytes(b"RIFF" + bytes(100))
    return [*utterances, Utterance("unreadable", tmp_path / "unreadable.wav", "yes")]


def test_every_fault_of_a_recording_is_found_and_no_other(broken: list[Utterance]) -> None:
    report = validate_splits({"train": broken}, Requirements(sample_rate=8000))
    assert said(report) == {
        (kind, kind) for kind in ("duplicate_audio", "silent", "clipped", "outlier", "unreadable", "empty_audio")
    } | {("outlier", "empty_audio"), ("one_label", ""), ("resampled", ""), ("mixed_down", "")}
    assert {u.id for u in report.utterances} == {u.id for u in broken} - {"unreadable"}
    assert all(u.duration for u in report.utterances)
    messages = " ".join(complaint.message for complaint in report.complaints)
    assert "1 at 16000 Hz are resampled to 8000 Hz" in messages
    assert "1 of 2 channels are mixed down" in messages


def test_no_complaint_says_its_recording_twice(tmp_path: Path) -> None:
    for number in range(6):
        for label in ("yes", "no"):
            (tmp_path / label).mkdir(exist_ok=True)
            save(tmp_path / label, f"{number}", np.zeros(2400) if number == 0 else noise(number))
    report = validate_manifest(tmp_path)
    lines = [line for line in report.to_text().splitlines() if "silent:" in line]
    assert [line.count("0.wav") for line in lines] == [1, 1]


def test_real_speech_has_no_faults(fsdd: Path) -> None:
    paths = sorted(fsdd.glob("*_1[0-4].wav"))
    utterances = [Utterance(p.stem, p, p.stem[0], p.stem.split("_")[1]) for p in paths]
    assert len(utterances) == 300
    report = validate_splits({"train": utterances}, Requirements(sample_rate=8000))
    assert report.ok
    assert not said(report)


def test_real_speech_is_found_again_in_another_split_under_another_name(fsdd: Path, tmp_path: Path) -> None:
    paths = sorted(fsdd.glob("?_theo_1.wav"))
    train = [Utterance(path.stem, path, path.stem[0], "theo") for path in paths]
    (tmp_path / "x.wav").write_bytes(paths[3].read_bytes())
    dev = [Utterance("x", tmp_path / "x.wav", "3", "theo"), replace(train[0], id="y")]
    full = validate_splits({"train": train, "dev": dev}, Requirements())
    assert said(full) == {("audio_leak", "x"), ("audio_leak", "y"), ("speaker_leak", "")}
    cheap = check_cheaply({"train": train, "dev": dev}, Requirements())
    assert said(cheap) == {("audio_leak", "y"), ("speaker_leak", "")}
    assert "1 speaker of train also in dev: theo" in cheap.to_text()


def texts(*written: str) -> list[Utterance]:
    return [Utterance(f"u{place}", Path(f"{place}.wav"), text, duration=1.0) for place, text in enumerate(written)]


def test_symbols_that_training_does_not_have_are_named() -> None:
    vocabulary = Vocabulary.from_texts(["zero one"], "char")
    report = check_cheaply(
        {"train": texts("zero"), "dev": [replace(texts("zürö")[0], id="d", audio=Path("d.wav"))]},
        Requirements(vocabulary=vocabulary),
    )
    assert said(report) == {("unseen_symbols", "d")}
    assert "'ü' (U+00FC), 'ö' (U+00F6)" in report.complaints[0].message


def test_words_of_the_test_that_nobody_trained_on_are_one_warning() -> None:
    def elsewhere(name: str, *written: str) -> list[Utterance]:
        return [replace(u, id=f"{name}{u.id}", audio=Path(f"{name}{u.audio}")) for u in texts(*written)]

    vocabulary = Vocabulary.from_texts(["one two"], "word")
    splits = {"train": texts("one two"), "test": elsewhere("t", "one three", "four one three two one")}
    report = check_cheaply(splits, Requirements(vocabulary=vocabulary))
    assert said(report) == {("unknown_words", "")}
    assert not report.errors
    assert report.complaints[0].message.startswith("3 of 7 words of the test (42.9%)")
    assert "'three', 'four'" in report.to_text()
    learnt = {"train": texts("one two"), "dev": elsewhere("d", "one three")}
    assert said(check_cheaply(learnt, Requirements(vocabulary=vocabulary))) == {("unseen_symbols", "du0")}


def test_labels_of_one_split_only_are_named() -> None:
    dev = [replace(u, id=f"d{u.id}", audio=Path(f"d{u.audio}")) for u in texts("yes", "go")]
    splits = {"train": texts("yes", "no", "stop"), "dev": dev}
    vocabulary = Vocabulary.from_texts(["yes", "no", "stop"], "label")
    report = check_cheaply(splits, Requirements(vocabulary=vocabulary))
    assert said(report) == {("unseen_symbols", "du1"), ("absent_labels", ""), ("rare_labels", "")}
    assert "2 labels of the training data never in dev: no, stop" in report.to_text()


def test_look_alikes_are_named() -> None:
    composed = check_cheaply({"train": texts("Yes", "yes", "no")}, Requirements())
    assert "'Yes' once, 'yes' once; data.text.case: lower unites them" in composed.to_text()
    vocabulary = Vocabulary.from_texts(["für", "fu\u0308r", "ａa"], "char")
    report = check_cheaply({"train": texts("für", "fu\u0308r", "ａa")}, Requirements(vocabulary=vocabulary))
    assert "letters and accents apart" in report.to_text()
    letter = "'a' once, 'ａ' once (U+FF41 FULLWIDTH LATIN SMALL LETTER A)"
    assert f"{letter}; data.text.unicode: NFKC unites them" in report.to_text()
    assert not said(check_cheaply({"train": texts("नमस्ते", "你好")}, Requirements()))


@pytest.mark.parametrize(
    ("some", "other", "told"),
    [
        ("don't", "don’t", "U+2019 RIGHT SINGLE QUOTATION MARK"),
        ("cat", "сat", "U+0441 CYRILLIC SMALL LETTER ES"),
        ("low", "lo\u200dw", "U+200D ZERO WIDTH JOINER"),
        ("low", "low\ufe0f", "U+FE0F VARIATION SELECTOR-16"),
        ("yes", '"yes"', "'yes' once; write them alike"),
        ("yes", "ｙｅｓ", "U+FF59 FULLWIDTH LATIN SMALL LETTER Y"),
        ("İzmir", "izmir", "U+0130 LATIN CAPITAL LETTER I WITH DOT ABOVE"),
        ("e-mail", "e–mail", "U+2013 EN DASH"),
        ("کتاب", "كتاب", "U+0643 ARABIC LETTER KAF"),
        ("۱۲", "١٢", "U+0661 ARABIC-INDIC DIGIT ONE"),
        ("low", "low\ufffc", "U+FFFC OBJECT REPLACEMENT CHARACTER"),
        ("low", "low\x07", r"'low\x07' once"),
    ],
)
@pytest.mark.parametrize("unit", ["label", "word", "char", None])
def test_look_alikes_are_named_with_what_tells_them_apart(some: str, other: str, told: str, unit: Unit | None) -> None:
    if unit == "char" and other in ('"yes"', "izmir"):
        return  # the characters are visibly others
    more = "" if unit == "label" else " x"
    said = " ".join(complaint.message for complaint in check_twins([some + more, other + more], unit))
    assert "look-alikes" in said
    assert told in said


def test_texts_in_quotation_marks_are_named() -> None:
    report = check_cheaply({"train": texts('"yes"', '"no"', "x")}, Requirements())
    assert "2 texts stand in quotation marks, which are learnt as a part of them, as in '\"yes\"'" in report.to_text()


def test_feasibility_is_exactly_where_the_ctc_loss_is_finite() -> None:
    for length, count in product(range(1, 5), range(1, 7)):
        for ids in product((1, 2), repeat=length):
            loss = torch.nn.functional.ctc_loss(
                torch.zeros(count, 1, 3).log_softmax(2),
                torch.tensor([ids]),
                torch.tensor([count]),
                torch.tensor([length]),
            )
            assert bool(torch.isfinite(loss)) == (count >= ctc_frames(ids)), (ids, count)


def test_infeasible_utterances_are_named_for_this_model() -> None:
    vocabulary = Vocabulary.from_texts(["abc"], "char")
    written = texts("abcabcabca", "aabbccaabb", "abc")
    for shift, expected in ((0.1, {"u1"}), (0.05, set()), (0.11, {"u0", "u1"})):
        report = check_cheaply({"train": written}, Requirements(vocabulary=vocabulary, frame_counts=frames(shift)))
        assert said(report) == {("infeasible", name) for name in expected}
    assert not said(check_cheaply({"train": written}, Requirements(vocabulary=vocabulary)))


def test_fit_may_tolerate_some_errors() -> None:
    vocabulary = Vocabulary.from_texts(["ab"], "char")
    report = check_cheaply({"train": texts("abababab")}, Requirements(vocabulary=vocabulary, frame_counts=frames(0.5)))
    report.raise_errors(tolerated={"infeasible"})
    with pytest.raises(DataError, match=r"u0: its 8 characters need 8 frames, but this model makes 2 of its 1\.00 s"):
        report.raise_errors()


def test_real_sentences_are_checked_against_a_model(corpora: Path) -> None:
    utterances = [replace(u, duration=2.0) for u in read_manifest(corpora / "speechocean762-train")]
    vocabulary = Vocabulary.from_texts((u.text for u in utterances), "char")
    for shift in (0.04, 0.08):
        report = check_cheaply({"train": utterances}, Requirements(vocabulary=vocabulary, frame_counts=frames(shift)))
        needed = {u.id: ctc_frames(vocabulary.encode(u.text)) for u in utterances}
        assert {c.utterance for c in report.errors} == {
            name for name, count in needed.items() if count > int(2.0 / shift)
        }


def spoiled(folder: Path, broken: Sequence[Utterance]) -> Path:
    """A manifest of the recordings with three wrong lines after them."""
    write_manifest(broken, folder / "m.csv")
    with (folder / "m.csv").open("a") as stream:
        stream.write("gone,gone.wav,yes,,,\nplain10,plain11.wav,yes,,,\nshort\n")
    return folder / "m.csv"


def test_a_manifest_is_reported_in_text_and_json(broken: list[Utterance], tmp_path: Path) -> None:
    path = spoiled(tmp_path, broken)
    report = validate_manifest(path, Requirements(sample_rate=8000))
    first, *rest = report.to_text(most=1).splitlines()
    assert first == f"{path}: 28 usable utterances (0.04 h); 8 errors, 3 warnings, 2 notices"
    assert f"  {path}:33: 1 columns, where the header has 6" in rest[1]
    values = json.loads(json.dumps(report.to_json()))
    assert values["counts"] == {
        "malformed": 1,
        "missing_audio": 1,
        "duplicate_id": 1,
        "unreadable": 1,
        "empty_audio": 1,
        "silent": 1,
        "duplicate_audio": 1,
        "one_label": 1,
        "clipped": 1,
        "outlier": 2,
        "resampled": 1,
        "mixed_down": 1,
    }
    gone = next(complaint for complaint in values["complaints"] if complaint["kind"] == "missing_audio")
    assert gone == {
        "kind": "missing_audio",
        "severity": "error",
        "id": "gone",
        "file": str(path),
        "line": 31,
        "message": f"the audio file {tmp_path / 'gone.wav'} does not exist",
    }
    assert not values["ok"]


def test_fix_drop_leaves_a_manifest_without_errors(broken: list[Utterance], tmp_path: Path) -> None:
    report = validate_manifest(spoiled(tmp_path, broken))
    cleaned = drop_errors(report, tmp_path / "clean.jsonl", tmp_path / "dropped.jsonl")
    assert (cleaned.kept, cleaned.dropped) == (25, 7)
    again = validate_manifest(tmp_path / "clean.jsonl")
    assert [error.kind for error in again.errors] == ["one_label"]  # which no dropping mends
    assert {u.id for u in again.utterances} == {
        u.id for u in broken if u.id not in ("duplicate_audio", "silent", "empty_audio", "unreadable")
    }
    dropped = [json.loads(line) for line in (tmp_path / "dropped.jsonl").read_text().splitlines()]
    assert [(entry["kind"], entry["id"], entry["line"]) for entry in dropped] == [
        ("malformed", None, 33),
        ("missing_audio", "gone", 31),
        ("duplicate_id", None, 32),
        ("unreadable", "unreadable", 30),
        ("empty_audio", "empty_audio", 6),
        ("silent", "silent", 4),
        ("duplicate_audio", "duplicate_audio", 3),
    ]


def test_texts_are_judged_as_training_sees_them_but_kept_as_written(tmp_path: Path) -> None:
    save(tmp_path, "a", noise(0))
    save(tmp_path, "b", noise(1))
    (tmp_path / "m.tsv").write_text("path\tsentence\na.wav\tYES!\nb.wav\t?!\n")
    text = TextConfig(case="lower", punctuation="strip")
    requirements = Requirements(vocabulary=Vocabulary.from_texts(["yes"], "char"), text=text)
    report = validate_manifest(tmp_path / "m.tsv", requirements)
    assert said(report) == {("empty_text", "b")}
    assert [u.text for u in report.utterances] == ["YES!"]


@pytest.mark.parametrize(
    ("samples", "share"),
    [
        ([1.0] * 4 + [0.0] * 4, 4 / 8),
        ([1.0, 0.0] * 4, 0.0),
        ([1.0, 1.0, 0.0, -1.0, -1.0], 0.0),
        ([-1.0] * 3, 1.0),
        ([1.0], 0.0),
    ],
)
def test_clipping_is_runs_at_full_scale(samples: list[float], share: float) -> None:
    assert clipped_share(np.array(samples, np.float32)) == pytest.approx(share)


def test_kinds_are_told_in_the_order_of_the_table(broken: list[Utterance]) -> None:
    kinds = [complaint.kind for complaint in validate_splits({"train": broken}, Requirements()).complaints]
    assert kinds == sorted(kinds, key=list(KINDS).index)


def test_fix_drop_does_not_write_an_empty_manifest(tmp_path: Path) -> None:
    save(tmp_path, "a", np.zeros(800))
    (tmp_path / "m.csv").write_text("audio,text\na.wav,yes\n")
    with pytest.raises(DataError, match=r"m\.csv: nothing would be left"):
        drop_errors(validate_manifest(tmp_path / "m.csv"), tmp_path / "clean.csv", tmp_path / "dropped.jsonl")
    assert not (tmp_path / "clean.csv").exists()
