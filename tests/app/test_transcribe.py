"""Transcribing recordings of any kind, from anywhere."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from asrtrain.app import transcribe
from asrtrain.errors import DataError, UsageError


@pytest.fixture
def seven(fsdd: Path) -> Path:
    return fsdd / "7_theo_10.wav"


def texts(inputs: list | str, run: Path) -> list[str]:
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


def test_samples_in_memory(trained: Path, seven: Path) -> None:
    """What soundfile, torchaudio and a microphone's driver give, one or several, among files."""
    floats, rate = soundfile.read(seven, dtype="float32")
    integers, _ = soundfile.read(seven, dtype="int16")
    (of_file,) = transcribe(seven, run=trained)
    for samples in (floats, integers, torch.from_numpy(floats), floats.astype(np.float64)[:, None]):
        (one,) = transcribe(samples, sample_rate=rate, run=trained)
        assert one.hypothesis.text == "seven"
        assert (one.audio, one.hypothesis.confidence) == ("samples", of_file.hypothesis.confidence)
    several = list(transcribe([floats, str(seven), integers], sample_rate=rate, run=trained, nproc=2))
    assert [one.audio for one in several] == ["samples 1", str(seven), "samples 3"]
    assert {one.hypothesis.text for one in several} == {"seven"}


@pytest.mark.parametrize(
    ("samples", "rate", "complaint"),
    [
        (np.zeros(800, np.float32), None, "samples need their rate"),
        (np.zeros(800, np.float32), 0, "0"),
        (np.zeros(800, np.float32), 16000.5, "sample_rate"),
        (np.zeros(800, np.float32), 10**12, "sample_rate"),
        (np.zeros(800, np.float32), "16k", "sample_rate"),
        (np.zeros((1, 800), np.float32), 8000, r"shape \(1, 800\)"),
        (np.zeros((2, 2, 2), np.float32), 8000, "shape"),
        (np.zeros(0, np.float32), 8000, "no samples"),
        (np.zeros(800, np.uint8), 8000, "samples of uint8"),
        (np.zeros(800, complex), 8000, "samples of complex128"),
        (np.full(800, np.nan), 8000, "not a number"),
        (np.array(["a.wav"]), 8000, "samples of str"),
    ],
)
def test_what_is_no_samples_is_refused_in_a_sentence(
    samples: np.ndarray, rate: int | None, complaint: str, trained: Path
) -> None:
    with pytest.raises((DataError, UsageError), match=complaint):
        list(transcribe(samples, sample_rate=rate, run=trained))


def test_what_cannot_be_entered_or_is_no_file_is_told(
    trained: Path, seven: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.wav").mkdir()
    shutil.copyfile(seven, tmp_path / "folder.wav" / "a.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    assert texts(str(tmp_path / "folder.wav"), trained) == ["seven"]
    with pytest.raises(DataError, match="an empty name"):
        texts([""], trained)
    with pytest.raises(DataError, match="neither a file nor a folder; give -"):
        texts([tmp_path / "pipe.wav"], trained)


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
