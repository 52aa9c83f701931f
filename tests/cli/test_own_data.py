"""What a newcomer's own recordings come to: trained on, or refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cli.conftest import Result, Run

CONFIGS = Path(__file__).parents[2] / "configs"
ONE_EPOCH = [*("--set", "training.max_epochs=1"), *("--set", "features.sample_rate=8000"), "--output", "run"]


@pytest.fixture
def digits(fsdd: Path, tmp_path: Path) -> Path:
    """A folder d with ten recordings of each of two digits."""
    for word, digit in (("low", 0), ("high", 1)):
        for index in range(10):
            place = tmp_path / "d" / word / f"{word}{index}.wav"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(fsdd / f"{digit}_theo_{index}.wav")
    return tmp_path / "d"


def _fit(run: Run, source: str, *more: str) -> Result:
    Path("c.yaml").write_text(f"data: {{train: {source}}}\nmodel: {{name: softmax, frames: 8}}\n", encoding="utf-8")
    return run("fit", "c.yaml", *ONE_EPOCH, *more)


def _rows(digits: Path, texts: Sequence[str]) -> str:
    places = sorted(digits.rglob("*.wav"))
    return "".join(f"{place},{text}\n" for place, text in zip(places, texts, strict=True))


def test_fit_says_what_it_removes_from_texts_and_what_only_looks_alike(run: Run, digits: Path) -> None:
    texts = ["high\u200b", *["hi\u0433h"] * 9, *["low"] * 8, "lоw", "low"]
    Path("m.csv").write_text("audio,text\n" + _rows(digits, texts), encoding="utf-8")
    result = _fit(run, "{name: manifest, path: m.csv}")
    assert result.code == 0
    assert "m.csv:2: U+200B ZERO WIDTH SPACE is removed from the text" in result.err
    assert "'low' 9 times" in result.err
    assert "(U+043E CYRILLIC SMALL LETTER O)" in result.err
    assert "'lоw' 1" in result.err  # one recording is too few
    assert "\u200b" not in Path("run/tokens.txt").read_text(encoding="utf-8")


def test_fit_says_what_it_leaves_out_of_a_folder(run: Run, digits: Path) -> None:
    (digits / "low" / "notes.pdf").touch()
    (digits / "low" / ".hidden.wav").touch()
    result = _fit(run, "{name: manifest, path: d}")
    assert result.code == 0
    assert "d: 1 of no kind of audio: low/notes.pdf" in result.err
    assert "d: 1 hidden: low/.hidden.wav" in result.err
    assert "1 of no kind of audio: low/notes.pdf" in run("data", "stats", "d").err


@pytest.mark.parametrize(
    ("text", "more"),
    [(["low"] * 20, ()), (["low"] * 19 + ["high"], ("--set", "data.held_out={by: list, list: held.txt}"))],
    ids=["all", "others held out"],
)
def test_a_single_label_is_nothing_to_learn(text: list[str], more: tuple[str, ...], run: Run, digits: Path) -> None:
    Path("m.csv").write_text("audio,text\n" + _rows(digits, text), encoding="utf-8")
    Path("held.txt").write_text(f"{max(digits.rglob('*.wav')).with_suffix('')}\n", encoding="utf-8")
    result = _fit(run, "{name: manifest, path: m.csv}", *more)
    assert result.code == 3
    assert "training recordings have the label 'low': a recogniser tells two labels or more apart" in result.err
    assert not Path("run").exists()


def test_speakers_that_features_need_and_nobody_names_are_missed_before_training(run: Run, digits: Path) -> None:
    Path("m.csv").write_text("audio,text\n" + _rows(digits, ["low", "high"] * 10), encoding="utf-8")
    result = _fit(run, "{name: manifest, path: m.csv}", "--set", "features.normalise=speaker")
    assert result.code == 3
    assert "features.normalise is speaker, but none of the" in result.err


def test_data_validate_draws_no_bar_where_nobody_looks(run: Run, digits: Path) -> None:
    assert "decoding" not in run("data", "validate", "d").err


@pytest.mark.slow
def test_the_configuration_for_own_words_does_not_clip_every_step(run: Run, corpora: Path) -> None:
    Path("recordings").mkdir()
    for word in ("Close", "Open", "Print"):
        Path("recordings", word).symlink_to(corpora / "own-words" / word)
    assert run("fit", CONFIGS / "my_words.yaml", "--set", "training.max_epochs=6", "--output", "run").code == 0
    steps = [json.loads(line) for line in Path("run/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    clipped = [step["clipped"] for step in steps if "clipped" in step and step.get("kind", "step") == "step"]
    assert len(clipped) >= 30
    assert sum(map(float, clipped)) < 0.5 * len(clipped)
