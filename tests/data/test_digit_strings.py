"""Strings of recordings of one speaker, from the real recordings."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from asrtrain.data.corpora.fsdd import FSDDConfig
from asrtrain.data.digit_strings import DigitStringsConfig
from asrtrain.errors import DataError
from asrtrain.types import Utterance


def _digest(utterances: list[Utterance]) -> str:
    return hashlib.sha256(b"".join(u.audio.read_bytes() for u in utterances)).hexdigest()


def _config(fsdd: Path, **settings: object) -> DigitStringsConfig:
    of = {"name": "fsdd", "folder": str(fsdd), "split": "test"}
    return DigitStringsConfig.model_validate({"of": of, "count": 40, **settings})


def test_strings_are_the_recordings_of_one_speaker_in_order(fsdd: Path, tmp_path: Path) -> None:
    strings = _config(fsdd, gap=[0.1, 0.1], min_words=2, max_words=2).load(tmp_path)
    recordings = FSDDConfig(folder=fsdd, split="test").load(tmp_path)
    string = strings[0]
    samples, rate = soundfile.read(string.audio, dtype="int16")
    mine = [(u, soundfile.read(u.audio, dtype="int16")[0]) for u in recordings if u.speaker == string.speaker]
    first = next(u for u, x in mine if np.array_equal(x, samples[: len(x)]))
    last = next(u for u, x in mine if np.array_equal(x, samples[-len(x) :]))
    assert rate == 8000
    assert string.text == f"{first.text} {last.text}"
    words = sum(len(x) for u, x in mine if u in (first, last)) * (2 if first == last else 1)
    assert len(samples) == words + 800
    assert string.duration == len(samples) / 8000
    start = len(next(x for u, x in mine if u == first))
    assert 0 < np.abs(samples[start : start + 800]).max() < 33  # near-silence, five sigma at most


def test_sizes_and_speakers(fsdd: Path, tmp_path: Path) -> None:
    strings = _config(fsdd, min_words=3, max_words=7).load(tmp_path)
    counts = {len(u.text.split()) for u in strings}
    assert len(strings) == 40 and counts <= {3, 4, 5, 6, 7} and {3, 7} <= counts
    assert len({u.speaker for u in strings}) == 6
    assert len({u.id for u in strings}) == 40


def test_made_once_and_bit_identical_when_made_again(fsdd: Path, tmp_path: Path) -> None:
    config = _config(fsdd)
    strings = config.load(tmp_path / "a")
    stamps = [u.audio.stat().st_mtime_ns for u in strings]
    assert config.load(tmp_path / "a") == strings
    assert not {u.id for u in strings} & {u.id for u in _config(fsdd, seed=2).load(tmp_path / "a")}
    assert [u.audio.stat().st_mtime_ns for u in strings] == stamps
    again = config.load(tmp_path / "b")
    assert _digest(again) == _digest(strings)
    assert [u.text for u in again] == [u.text for u in strings]
    assert _digest(_config(fsdd, seed=1).load(tmp_path / "a")) != _digest(strings)
    longer = _config(fsdd, count=50).load(tmp_path / "a")
    assert _digest(longer[:40]) == _digest(strings)
    assert len(list((tmp_path / "a").glob("digit_strings-*"))) == 4


@pytest.mark.parametrize("name", ["hashes.json", "manifest.jsonl", "*-00007.wav"])
def test_damage_to_what_was_made_is_told_and_made_again(
    name: str, fsdd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strings = _config(fsdd).load(tmp_path)
    whole = _digest(strings)
    (harmed,) = strings[0].audio.parent.glob(name)
    content = harmed.read_bytes()
    harmed.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    assert _config(fsdd).load(tmp_path) == strings
    assert _digest(strings) == whole
    assert harmed.read_bytes() == content
    assert f"{strings[0].audio.parent} is damaged, or of an older version: it is made again" in capsys.readouterr().err


def test_strings_of_synthetic_digits(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra `synthesis` is not installed")
    of = {"name": "synth", "count": 30, "variants": ["f1", "m1"], "foreign": 0.0}
    strings = DigitStringsConfig.model_validate({"of": of, "count": 10, "max_words": 3}).load(tmp_path)
    assert len(strings) == 10 and {u.speaker for u in strings} == {"f1", "m1"}


def test_settings_that_clash_are_refused(fsdd: Path) -> None:
    with pytest.raises(ValidationError, match=r"min_words \(5\) is greater than max_words \(4\)"):
        _config(fsdd, min_words=5, max_words=4)
    with pytest.raises(ValidationError, match="cannot be negative"):
        _config(fsdd, gap=[-0.1, 0.1])


def test_an_empty_source_and_a_vanished_file_are_named(fsdd: Path, tmp_path: Path) -> None:
    (tmp_path / "0_x_9.wav").touch()
    empty = DigitStringsConfig(of=FSDDConfig(folder=tmp_path, split="test"))
    with pytest.raises(DataError, match="source of words is empty"):
        empty.load(tmp_path / "cache")
    (tmp_path / "0_x_0.wav").symlink_to(tmp_path / "nowhere.wav")
    with pytest.raises(DataError, match=r"0_x_0.wav cannot be read: No such file"):
        empty.load(tmp_path / "cache")
