"""Scoring trained recognisers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asrtrain.app import evaluate
from asrtrain.errors import CheckpointError, UsageError


def test_scores_of_words(trained: Path) -> None:
    report = evaluate(trained)
    figures = report.to_json()
    assert figures["task"] == "classification"
    assert figures["n"] == 100
    assert figures["accuracy"] > 0.6
    assert figures["interval"][0] < figures["accuracy"] < figures["interval"][1]
    assert figures["real_time_factor"] > 0
    assert json.loads((trained / "results" / "test.json").read_text())["accuracy"] == figures["accuracy"]
    assert (trained / "results" / "test-confusions.png").stat().st_size > 5000
    assert set(report.speakers) == {"jackson", "theo"}


def test_scores_of_strings(transcriber: Path) -> None:
    figures = evaluate(transcriber).to_json()
    assert figures["task"] == "transcription"
    assert figures["wer"] < 0.8
    errors = figures["substitutions"] + figures["insertions"] + figures["deletions"]
    assert figures["wer"] == pytest.approx(errors / figures["words"])


@pytest.mark.parametrize("checkpoint", ["best", "last", "average"])
def test_every_checkpoint_can_be_scored(trained: Path, checkpoint: str) -> None:
    assert evaluate(trained, split="dev", checkpoint=checkpoint).accuracy > 0.5


def test_scores_on_a_manifest(trained: Path, fsdd: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(f"path,text\n{fsdd}/7_theo_1.wav,SEVEN\n{fsdd}/7_theo_2.wav,sieben\n")
    report = evaluate(trained, data=tmp_path / "mine.csv")
    assert [outcome.reference for outcome in report.outcomes] == ["SEVEN", "sieben"]
    assert report.accuracy == 0.0
    assert report.name.startswith("mine-")
    assert (trained / "results" / f"{report.name}.json").is_file()


def test_what_the_texts_of_a_manifest_lose_is_said(
    trained: Path, fsdd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "mine.csv"
    manifest.write_text(f"path,text\n{fsdd}/7_theo_1.wav,sev\u200ben\n{fsdd}/7_theo_2.wav,seven\n", encoding="utf-8")
    report = evaluate(trained, data=manifest)
    assert [outcome.reference for outcome in report.outcomes] == ["seven", "seven"]
    assert f"notice: {manifest}:2: U+200B ZERO WIDTH SPACE is removed from the text\n" in capsys.readouterr().err


def test_a_run_that_is_none_and_a_checkpoint_that_is_not_there(
    trained: Path, transcriber: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="is no run folder"):
        evaluate(tmp_path)
    with pytest.raises(CheckpointError, match="there are: best, last"):
        evaluate(transcriber, checkpoint="average")


def test_runs_latest_is_the_default(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="train one with"):
        evaluate()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "latest").symlink_to(trained)
    assert evaluate().accuracy > 0.6


def test_a_split_without_a_source(trained: Path, tmp_path: Path) -> None:
    from asrtrain.app import fit

    run = fit(trained / "config.yaml", output=tmp_path / "run", overrides=["data.test=null", "training.max_epochs=1"])
    with pytest.raises(UsageError, match="names no source"):
        evaluate(run)
