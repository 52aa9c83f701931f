"""Leaving one speaker out."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.app import crossval
from asrtrain.app.crossval import leave_out
from asrtrain.data.data_config import Splits
from asrtrain.errors import DataError
from asrtrain.types import Utterance


def test_a_fold_for_each_speaker_and_their_mean(trained: Path, tmp_path: Path) -> None:
    config, options = trained / "config.yaml", {"overrides": ["training.max_epochs=1"], "output": tmp_path / "folds"}
    report = crossval(config, **options)
    assert list(report.folds) == ["jackson", "theo"]
    assert report.mean == pytest.approx(sum(fold.accuracy for fold in report.folds.values()) / 2)
    assert report.to_text().splitlines()[-1].split() == ["mean", f"{100 * report.mean:.2f}"]
    assert report.to_json()["folds"]["theo"]["n"] == 50
    assert crossval(config, **options).mean == report.mean


def test_the_speaker_is_neither_trained_nor_selected_on() -> None:
    def of(*speakers: str) -> list[Utterance]:
        return [Utterance(f"{i}{s}", Path("x.wav"), "one", s) for i, s in enumerate(speakers)]

    left = leave_out(Splits(of("a", "b", "a"), of("b", "a"), of("a", "b")), "a")
    assert {u.speaker for u in (*left.train, *left.dev)} == {"b"}
    assert {u.speaker for u in left.test} == {"a"}


def test_one_speaker_is_not_enough(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two or more named speakers"):
        crossval(trained / "config.yaml", overrides=["data.test.speakers=[theo]"], output=tmp_path / "x")
