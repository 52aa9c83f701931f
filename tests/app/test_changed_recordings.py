"""Recordings that are overwritten in place, with their size and times as they were, are other recordings."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from asrtrain.app import evaluate, fit
from asrtrain.errors import DataError, UsageError


@pytest.fixture
def words(tmp_path: Path, fsdd: Path) -> Path:
    """A configuration with recordings of its own."""
    (tmp_path / "audio").mkdir()
    rows = []
    for path in sorted(fsdd.glob("[0-3]_theo_1?.wav")):
        shutil.copy2(path, tmp_path / "audio")
        rows.append(f"audio/{path.name},{path.name[0]}\n")
    (tmp_path / "m.csv").write_text("audio,text\n" + "".join(rows))
    (tmp_path / "c.yaml").write_text(
        f"data:\n  train: &all {{name: manifest, path: {tmp_path}/m.csv}}\n  test: *all\n"
        "features: {name: mfcc, sample_rate: 8000}\nmodel: {name: softmax, frames: 8}\n"
        "optimizer: {name: adamw, lr: 0.05}\ntraining: {max_epochs: 12, batch_size: 8}\n"
    )
    return tmp_path / "c.yaml"


def overwrite(folder: Path, sound: Callable[[int], bytes]) -> None:
    for path in folder.iterdir():
        status, content = path.stat(), path.read_bytes()
        path.write_bytes(content[:44] + sound(len(content) - 44))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_noise_and_silence_in_place_of_speech_are_not_scored_as_speech(words: Path, tmp_path: Path) -> None:
    run = fit(words, output=tmp_path / "run")
    assert evaluate(run).accuracy > 0.9
    overwrite(tmp_path / "audio", Random(0).randbytes)
    assert evaluate(run).accuracy < 0.5
    overwrite(tmp_path / "audio", bytes)
    with pytest.raises(DataError, match="recordings are silent"):
        evaluate(run)


def test_a_run_is_not_taken_up_on_recordings_that_were_overwritten(words: Path, tmp_path: Path) -> None:
    run = fit(words, output=tmp_path / "run")
    (run / "outcome.json").unlink()
    overwrite(tmp_path / "audio", bytes)
    with pytest.raises(UsageError, match="holds a run on other data"):
        fit(words, output=run)


def test_a_run_is_not_taken_up_with_noises_that_were_overwritten(words: Path, tmp_path: Path, fsdd: Path) -> None:
    (tmp_path / "noises").mkdir()
    shutil.copy2(fsdd / "9_jackson_0.wav", tmp_path / "noises")
    noise = [f"augmentation.noise={{folder: {tmp_path}/noises}}", "training.max_epochs=1"]
    run = fit(words, output=tmp_path / "run", overrides=noise)
    (run / "outcome.json").unlink()
    overwrite(tmp_path / "noises", bytes)
    with pytest.raises(UsageError, match="holds a run on other data"):
        fit(words, output=run, overrides=noise)


def test_a_run_of_an_older_version_is_taken_up_and_told_of(
    words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fit(words, output=tmp_path / "run")
    (run / "outcome.json").unlink()
    assert re.fullmatch("content [0-9a-f]{64}\n", (run / "data.sha256").read_text())
    (run / "data.sha256").write_text("0" * 64 + "\n")
    fit(words, output=run)
    assert "was begun by an older asrtrain" in capsys.readouterr().err
    assert (run / "data.sha256").read_text().startswith("content ")
