"""What is wrong with a recording is noted while it is decoded, and what is usual is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from asrtrain.data.audio import read_audio
from asrtrain.data.condition import as_rows, fault_of, may_be_silent, remarks

RATE = 8000
NOISE = np.random.default_rng(0).standard_normal((RATE, 2)) * 0.1
SPEECH = 0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)


@pytest.mark.parametrize(
    ("samples", "fault"),
    [
        (SPEECH, ""),
        (np.stack([SPEECH, SPEECH], 1), ""),
        (np.stack([SPEECH, np.zeros(RATE)], 1), ""),
        (np.stack([SPEECH, 0.7 * np.roll(SPEECH, 3)], 1), ""),
        (NOISE, ""),
        (SPEECH * 3, ""),
        (np.stack([SPEECH, -SPEECH], 1), "cancelled"),
        (np.stack([SPEECH, -0.9 * SPEECH], 1), "cancelled"),
        (np.stack([SPEECH, -SPEECH] * 4, 1), "cancelled"),
        (np.zeros(RATE), "silent"),
        (np.zeros((RATE, 2)), "silent"),
        (np.full(RATE, 0.25), "silent"),
        (SPEECH * 0.002, "silent"),
        (SPEECH * 0.01, "quiet"),
        (np.where(np.arange(RATE) == 4000, 0.9, 0), "silent"),
        (np.where(np.arange(RATE) // 20 == 200, 0.9 * np.sign(SPEECH), 1e-4 * SPEECH), "silent"),
        (SPEECH[:120], ""),
        (SPEECH * 13, "clipped"),
        (np.clip(SPEECH * 13, -1, 1) * 0.4, "clipped"),
        (np.clip(SPEECH * 13, -1, 0.3), "clipped"),
        (np.stack([np.clip(SPEECH * 13, -1, 1), SPEECH], 1), "clipped"),
    ],
)
def test_faults(tmp_path: Path, samples: npt.NDArray[np.float64], fault: str) -> None:
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    assert fault_of(read_audio(tmp_path / "a.wav", RATE).condition) == fault


@pytest.mark.parametrize("subtype", ["PCM_U8", "ULAW", "ALAW", "PCM_16"])
def test_clipping_is_noticed_in_every_coding(tmp_path: Path, subtype: str) -> None:
    """Coarse codings have a full scale of their own, and equal samples below it mean nothing."""
    for gain, fault in ((13, "clipped"), (1, ""), (3, "")):
        soundfile.write(tmp_path / "a.wav", np.clip(SPEECH * gain, -1, 1), RATE, subtype=subtype)
        assert fault_of(read_audio(tmp_path / "a.wav", RATE).condition) == fault


@pytest.mark.parametrize("subtype", ["PCM_U8", "ULAW", "ALAW", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("gain", [0.2, 0.5, 1.0])
def test_low_tones_in_coarse_samples_are_not_clipped(tmp_path: Path, subtype: str, gain: float) -> None:
    """At their crests several samples are equal, as there are few levels, or little time from one to the next."""
    tone = gain * 0.5 * np.sin(2 * np.pi * 100 * np.arange(48_000) / 48_000)
    soundfile.write(tmp_path / "a.wav", tone, 48_000, subtype=subtype)
    assert fault_of(read_audio(tmp_path / "a.wav", 48_000).condition) == ""


def test_no_real_recording_is_clipped_below_full_scale(corpora: Path) -> None:
    paths = [*sorted((corpora / "own-words").rglob("*.flac"))[::20], *sorted((corpora / "fsdd").rglob("*.wav"))[::40]]
    found = [read_audio(path, 16_000).condition.clipped for path in paths]
    assert sum(share > 0.01 for share in found) <= 0.02 * len(found)


def test_what_is_resampled_upwards_is_told_of_with_its_rate(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE)
    row = as_rows([read_audio(tmp_path / "a.wav", 16_000).condition])
    (remark,) = remarks(row, ["a"], 16_000)
    assert "1 of 1 recordings have 8000 Hz and are resampled to 16000 Hz, such as a" in remark
    assert "bands above 4000 Hz stay empty" in remark
    assert not list(remarks(row, ["a"], 8000))


def test_labels_of_silence_may_be_silent() -> None:
    assert all(map(may_be_silent, ("_silence_", "<sil>", "Silence", "_background_noise_")))
    assert not any(map(may_be_silent, ("yes", "noon", "six", "[unk]")))


def test_real_speech_gives_no_remark(fsdd: Path) -> None:
    paths = sorted(fsdd.glob("*.wav"))[::20]
    rows = as_rows([read_audio(path, RATE).condition for path in paths])
    assert not list(remarks(rows, [path.name for path in paths], RATE))
