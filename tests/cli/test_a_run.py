"""From a configuration to transcripts through the command line, on real speech."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run


def test_fit_prints_the_run_folder_last(folder: Path) -> None:
    run_folder = (folder / "printed.txt").read_text(encoding="utf-8").splitlines()[-1]
    resolved = (folder / run_folder / "config.yaml").read_text(encoding="utf-8")
    assert "seed: 5\n" in resolved
    assert "lr: 0.01\n" in resolved


def test_fit_without_training(run: Run, folder: Path, tmp_path: Path) -> None:
    result = run("fit", folder / "words.yaml", "--dry-run", "--output", "dry")
    assert (result.code, result.out) == (0, "dry\n")
    assert not list(tmp_path.glob("dry/checkpoints/*"))


def test_fit_refuses_to_resume_nothing(run: Run, folder: Path) -> None:
    assert run("fit", folder / "words.yaml", "--resume", "must").code == 5


def test_eval(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    figures = json.loads(run("eval", "--format", "json").out)
    assert figures["task"] == "classification"
    assert figures["n"] == 100
    assert figures["accuracy"] > 0.2
    text = run("eval", "runs/latest", "--split", "dev", "--checkpoint", "last")
    assert text.code == 0
    assert text.out.startswith("%ACC")


def test_eval_on_a_manifest(run: Run, folder: Path, fsdd: Path) -> None:
    Path("few.csv").write_text(f"audio,text\n{fsdd}/3_theo_0.wav,three\n{fsdd}/4_theo_0.wav,four\n", encoding="utf-8")
    result = run("eval", folder / "runs" / "latest", "--data", "few.csv", "--format", "json")
    assert json.loads(result.out)["n"] == 2


def test_eval_without_a_run(run: Run) -> None:
    result = run("eval")
    assert result.code == 5
    assert "asrtrain fit" in result.err


@pytest.mark.parametrize("form", ["txt", "json", "jsonl", "srt", "vtt", "tsv"])
def test_transcribe_prints_every_format(form: str, run: Run, folder: Path, fsdd: Path) -> None:
    result = run("transcribe", fsdd / "3_theo_0.wav", "--run", folder / "runs" / "latest", "--format", form)
    assert result.code == 0
    assert result.out.strip()
    if form in ("json", "jsonl"):
        assert json.loads(result.out)["audio"].endswith("3_theo_0.wav")


def test_several_recordings_are_one_json_value(run: Run, folder: Path, fsdd: Path) -> None:
    recordings = [fsdd / "3_theo_0.wav", fsdd / "4_theo_0.wav"]
    result = run("transcribe", *recordings, "--run", folder / "runs" / "latest", "--format", "json")
    assert [transcript["audio"] for transcript in json.loads(result.out)] == [str(path) for path in recordings]


def test_transcribe_into_a_folder_never_writes_over_its_own_files(run: Run, folder: Path, fsdd: Path) -> None:
    recording = fsdd / "3_theo_0.wav"
    latest = folder / "runs" / "latest"
    result = run("transcribe", recording, recording, "--run", latest, "--format", "srt", "--output-dir", "out")
    assert result.out.split() == ["out/3_theo_0.srt", "out/3_theo_0-2.srt"]
    assert all(Path(path).read_text(encoding="utf-8").startswith("1\n") for path in result.out.split())


def test_transcribe_standard_input(folder: Path, fsdd: Path, cache: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "asrtrain", "transcribe", "-", "--format", "json"],
        check=True,
        cwd=folder,
        input=(fsdd / "3_theo_0.wav").read_bytes(),
        capture_output=True,
    )
    assert json.loads(process.stdout)["duration"] > 0.2


def test_transcribe_what_is_not_there(run: Run, folder: Path) -> None:
    result = run("transcribe", "gone.wav", "--run", folder / "runs" / "latest")
    assert result.code == 3
    assert "gone.wav" in result.err


def test_validate_against_the_run(run: Run, folder: Path, fsdd: Path) -> None:
    Path("few.csv").write_text(f"audio,text\n{fsdd}/3_theo_0.wav,three\n{fsdd}/4_theo_0.wav,vier\n", encoding="utf-8")
    result = run("data", "validate", "few.csv", "--run", folder / "runs" / "latest")
    assert result.code == 3
    assert "vier" in result.out


def test_crossval(run: Run, folder: Path) -> None:
    result = run("crossval", folder / "words.yaml", "--output", "folds", "--format", "json")
    assert result.code == 0
    report = json.loads(result.out)
    assert set(report["folds"]) == {"theo", "jackson"}
    assert 0 <= report["mean"] <= 1
