"""What is wrong with recordings is said before they are trained on, scored or transcribed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asrtrain.app import evaluate, fit, transcribe
from asrtrain.errors import DataError

RATE = 8000

CONFIG = """\
output_dir: {folder}/runs
data:
  train: {{name: manifest, path: {folder}/train.csv}}
  test: {{name: manifest, path: {folder}/train.csv}}
  held_out: {{by: hash, fraction: 0.4}}
features: {{name: mfcc, sample_rate: {rate}}}
model: {{name: softmax, frames: 8}}
training: {{max_epochs: 20, batch_size: 8}}
"""


def write(folder: Path, change: str = "", rate: int = RATE, which: str = "") -> Path:
    """Twelve tones of each of two words, changed as said; the configuration to train on them."""
    rows = ["id,audio,text"]
    for word, hertz in (("low", 400), ("high", 1600)):
        for number in range(12):
            time = np.arange(RATE // 2) / RATE
            tone = 0.3 * np.sin(2 * np.pi * (hertz + 20 * number) * time)
            tone += 0.01 * np.random.default_rng(number).standard_normal(len(time))
            samples = tone[:, None]
            if which in ("", word):
                samples = {
                    "": samples, "opposite": np.stack([tone, -tone], 1), "silent": 0 * samples, "loud": 13 * samples,
                    "some silent": samples * (number % 2),
                }[change]  # fmt: skip
            name = folder / f"{word}-{number}.wav"
            soundfile.write(name, samples, RATE, subtype="FLOAT")
            rows.append(f"f-{word}-{number},{name},{word}")  # held out by the id, wherever the folder is
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    path = folder / "tones.yaml"
    path.write_text(CONFIG.format(folder=folder, rate=rate))
    return path


@pytest.mark.parametrize("change", ["opposite", "silent"])
def test_a_corpus_of_silence_is_refused(tmp_path: Path, change: str) -> None:
    with pytest.raises(DataError, match=r"all \d+ recordings are silent, such as .*\.wav: channels of opposite phase"):
        fit(write(tmp_path, change))


def test_a_silent_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"all recordings of 'high' are silent, such as .*high-\d+\.wav"):
        fit(write(tmp_path, "opposite", which="high"))


@pytest.mark.parametrize(
    ("change", "rate", "said"),
    [
        ("loud", RATE, "are clipped in more than 1 % of their samples, such as"),
        ("some silent", RATE, "are silent, such as"),
        ("", 16_000, "have 8000 Hz and are resampled to 16000 Hz, such as"),
    ],
)
def test_fit_and_eval_say_it_also_of_what_is_in_the_cache(
    tmp_path: Path, change: str, rate: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(tmp_path, change, rate)
    for _ in range(2):
        run = fit(config, resume="never", overrides=["training.max_epochs=1"])
        assert f" recordings {said}" in capsys.readouterr().err
    evaluate(run)
    assert any(line.startswith("test: ") and said in line for line in capsys.readouterr().err.splitlines())


def test_silence_and_hours_are_not_answered_with_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = fit(write(tmp_path))
    assert " recordings " not in capsys.readouterr().err  # there is nothing to say of these
    tone = 0.3 * np.sin(2 * np.pi * 400 * np.arange(600 * RATE) / RATE)
    tone += 0.01 * np.random.default_rng(0).standard_normal(len(tone))
    files = {
        "silent.wav": np.zeros(RATE // 2), "opposite.wav": np.stack([tone[:4000], -tone[:4000]], 1),
        "click.wav": np.where(np.arange(4000) == 9, 0.9, 0.0), "loud.wav": tone[:4000] * 13,
        "turned.wav": np.stack([tone[:4000], -0.9 * tone[:4000]], 1),
        "minutes.wav": tone, "long.wav": tone[: 2 * RATE], "word.wav": tone[:4000],
    }  # fmt: skip
    for name, samples in files.items():
        soundfile.write(tmp_path / name, samples, RATE, subtype="FLOAT")
    answers = {
        Path(one.audio).name: (one.hypothesis.text, one.hypothesis.confidence)
        for one in transcribe([tmp_path / name for name in files], run=run)
    }
    assert [answers[name] for name in ("silent.wav", "opposite.wav", "minutes.wav", "click.wav")] == [("", 0.0)] * 4
    assert answers["word.wav"][0] in ("low", "high")
    printed = capsys.readouterr().err
    for said in (
        "silent.wav: is silent: nothing is transcribed",
        "is silent as its channels cancel each other: nothing is transcribed",
        "click.wav: is silent: nothing is transcribed",
        "loud.wav: is clipped in more than 1 % of its samples: trust the transcript less",
        "as these cancel each other: trust the transcript less",
        "minutes.wav: lasts 600.0 s, and the longest recording in training 0.5 s: nothing is transcribed",
        "long.wav: lasts 2.0 s, and the longest recording in training 0.5 s: trust the transcript less",
    ):
        assert said in printed
    assert "word.wav" not in printed
