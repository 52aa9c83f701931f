"""Leaving one speaker out."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.app import crossval, evaluate, fit
from asrtrain.app.crossval import leaving_out
from asrtrain.config import load_config
from asrtrain.errors import DataError
from asrtrain.run_config import RunConfig


def test_a_fold_for_each_speaker_and_their_mean(trained: Path, tmp_path: Path) -> None:
    config, options = trained / "config.yaml", {"overrides": ["training.max_epochs=1"], "output": tmp_path / "folds"}
    report = crossval(config, **options)
    assert list(report.folds) == ["jackson", "theo"]
    assert report.mean == pytest.approx(sum(fold.accuracy for fold in report.folds.values()) / 2)
    assert report.to_text().splitlines()[-1].split() == ["mean", f"{100 * report.mean:.2f}"]
    assert report.to_json()["folds"]["theo"]["n"] == 50
    assert crossval(config, **options).mean == report.mean


def test_the_speaker_is_neither_trained_nor_selected_on(trained: Path) -> None:
    fold = leaving_out(load_config(trained / "config.yaml", RunConfig), "theo").data.load(trained / "unused")
    assert {u.speaker for u in (*fold.train, *fold.dev)} == {"jackson"}
    assert {u.speaker for u in fold.test} == {"theo"}


def test_a_fold_is_a_run_like_any_other(trained: Path, tmp_path: Path) -> None:
    report = crossval(trained / "config.yaml", overrides=["training.max_epochs=1"], output=tmp_path / "folds")
    assert evaluate(tmp_path / "folds" / "theo").accuracy == report.folds["theo"].accuracy


def test_a_speaker_who_is_not_there_cannot_be_left_out(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are: jackson, theo"):
        fit(trained / "config.yaml", overrides=["data.leave_out=nobody"], output=tmp_path / "x")


def test_one_speaker_is_not_enough(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two or more named speakers"):
        crossval(trained / "config.yaml", overrides=["data.test.speakers=[theo]"], output=tmp_path / "x")
