"""Transcribing recordings of any kind, from anywhere."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from asrtrain.app import transcribe
from asrtrain.errors import DataError


@pytest.fixture
def seven(fsdd: Path) -> Path:
    return fsdd / "7_theo_10.wav"


def texts(inputs: list, run: Path) -> list[str]:
    return [transcript.hypothesis.text for transcript in transcribe(inputs, run=run)]


def test_files_folders_and_patterns(trained: Path, seven: Path, fsdd: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    shutil.copyfile(seven, tmp_path / "deep" / "a.wav")
    shutil.copyfile(seven, tmp_path / "b.WAV")
    (tmp_path / "notes.txt").touch()
    once = texts([seven], trained)
    assert once == ["seven"]
    assert texts([tmp_path], trained) == once * 2
    assert texts([f"{tmp_path}/**/*.wav"], trained) == once
    assert len(texts([f"{fsdd}/?_theo_1.wav"], trained)) == 10


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3", ".wav"])
def test_other_formats_rates_and_channels_say_the_same(
    trained: Path, seven: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    samples, rate = soundfile.read(seven)
    stereo = np.repeat(soxr.resample(samples, rate, 44100)[:, None], 2, axis=1)
    path = tmp_path / f"seven{suffix}"
    soundfile.write(path, stereo, 44100)
    assert texts([path], trained) == ["seven"]
    assert "resampled from 44100 to 8000 Hz, 2 channels mixed down to one" in capsys.readouterr().err


def test_standard_input(trained: Path, seven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(seven.read_bytes())

    monkeypatch.setattr("sys.stdin", Input)
    (transcript,) = transcribe(["-"], run=trained)
    assert (transcript.audio, transcript.hypothesis.text) == ("-", "seven")


def test_words_have_times_within_the_recording(transcriber: Path, trained: Path, seven: Path) -> None:
    for run in (trained, transcriber):
        (transcript,) = transcribe([seven], run=run)
        for word in transcript.hypothesis.words:
            assert 0 <= word.start < word.end <= transcript.duration + 0.05
            assert 0 < word.confidence <= 1
    (whole,) = transcribe([seven], run=trained)
    assert whole.hypothesis.words[0].end > 0.5 * whole.duration


def test_what_cannot_be_transcribed(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "fake.wav").write_text("not audio")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    for item, sentence in [
        (tmp_path / "nowhere.wav", "no such file"),
        (tmp_path / "fake.wav", "fake.wav"),
        (tmp_path / "empty.wav", "empty.wav"),
        (f"{tmp_path}/*.flac", "no recording"),
    ]:
        with pytest.raises(DataError, match=sentence):
            texts([item], trained)


def test_one_bad_recording_does_not_cost_the_others(
    trained: Path, seven: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.wav").write_text("not audio")
    shutil.copyfile(seven, tmp_path / "b.wav")
    found = transcribe([tmp_path], run=trained)
    assert next(found).hypothesis.text == "seven"
    with pytest.raises(DataError, match="1 of 2 recordings could not be read"):
        next(found)
    assert "a.wav" in capsys.readouterr().err
