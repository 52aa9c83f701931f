"""Figures about data: right by hand, and right for real speech."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asrtrain.data.durations import with_durations
from asrtrain.data.statistics import manifest_statistics, padding_efficiency
from asrtrain.errors import DataError
from asrtrain.types import Utterance


def test_figures_by_hand() -> None:
    utterances = [
        Utterance("a", Path("a.wav"), "yes no", "s", 1.0),
        Utterance("b", Path("b.wav"), "yes", "s", 3.0),
        Utterance("c", Path("b.wav"), "yes", "", 2.0, 3.0),
        Utterance("d", Path("c.wav"), "no", "t", 2.0),
    ]
    found = manifest_statistics(utterances)
    assert (found.utterances, found.recordings, found.speakers) == (4, 3, 2)
    assert found.hours == pytest.approx(8 / 3600)
    assert found.duration == pytest.approx({"min": 1, "p5": 1.15, "median": 2, "p95": 2.85, "max": 3})
    assert found.texts == {"yes": 2, "no": 1, "yes no": 1}
    assert (found.words, found.different_words, found.different_texts) == (5, 2, 3)
    assert list(found.characters.items())[:2] == [("e", 3), ("s", 3)]
    assert found.padding_efficiency == pytest.approx({"shuffled": 8 / 12, "sorted by length": 8 / 12})
    assert json.loads(json.dumps(found.to_json()))["words_per_text"]["max"] == 2
    assert "4 in 3 recordings, 0.00 h" in found.to_text()


def test_figures_of_real_speech(fsdd: Path) -> None:
    paths = sorted(fsdd.glob("*_0.wav"))
    found = manifest_statistics([Utterance(p.stem, p, p.stem[0], p.stem.split("_")[1]) for p in paths])
    assert (found.utterances, found.speakers, found.different_texts) == (60, 6, 10)
    assert 0.1 < found.duration["min"] < found.duration["median"] < found.duration["max"] < 2
    assert "texts        10 different: 0 6, 1 6, 2 6" in found.to_text()
    assert "0 6, 1 6, …" in found.to_text(most=2)
    assert found.padding_efficiency["shuffled"] < found.padding_efficiency["sorted by length"] < 1


def test_nothing_is_no_error() -> None:
    assert "0 in 0 recordings" in manifest_statistics([]).to_text()


def test_padding_efficiency() -> None:
    assert padding_efficiency([1, 1, 4, 4], 2) == 1
    assert padding_efficiency([1, 4, 1, 4], 2) == 10 / 16
    assert padding_efficiency([], 2) == 1


def test_unknown_durations_are_read_and_unreadable_recordings_all_named(fsdd: Path, tmp_path: Path) -> None:
    path = fsdd / "0_theo_0.wav"
    whole, part, known = with_durations(
        [
            Utterance("whole", path, "zero"),
            Utterance("part", path, "zero", offset=0.1),
            Utterance("known", tmp_path / "never looked at.wav", "zero", duration=0.5),
        ]
    )
    assert part.duration == pytest.approx((whole.duration or 0) - 0.1)
    assert known.duration == 0.5
    with pytest.raises(DataError, match=r"(?s)gone\.wav.*begins at 9 s"):
        with_durations([Utterance("x", tmp_path / "gone.wav", "zero"), Utterance("y", path, "zero", offset=9.0)])
