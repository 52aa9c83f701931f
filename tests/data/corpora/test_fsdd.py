"""The Free Spoken Digit Dataset, read from the real recordings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from asrtrain.data.corpora import CORPORA
from asrtrain.data.corpora.fsdd import FSDDConfig
from asrtrain.errors import DataError


def test_official_split_of_the_real_corpus(fsdd: Path, tmp_path: Path) -> None:
    train = FSDDConfig(folder=fsdd).load(tmp_path)
    test = FSDDConfig(folder=fsdd.parent, split="test").load(tmp_path)
    every = FSDDConfig(folder=fsdd, split="all").load(tmp_path)
    assert (len(train), len(test), len(every)) == (2700, 300, 3000)
    assert {u.audio for u in train} | {u.audio for u in test} == {u.audio for u in every}
    assert not {u.id for u in train} & {u.id for u in test}
    assert set(Counter(u.text for u in test).values()) == {30}
    assert len({u.speaker for u in test}) == 6
    seven = next(u for u in every if u.id == "7_theo_3")
    assert (seven.text, seven.speaker, seven.audio.name) == ("seven", "theo", "7_theo_3.wav")
    assert not list(tmp_path.iterdir())


def test_speakers_kept_and_left_out(fsdd: Path, tmp_path: Path) -> None:
    kept = FSDDConfig(folder=fsdd, speakers=("theo", "lucas"), text="digits").load(tmp_path)
    left = FSDDConfig(folder=fsdd, exclude_speakers=("theo", "lucas")).load(tmp_path)
    assert {u.speaker for u in kept} == {"theo", "lucas"}
    assert {u.text for u in kept} == set("0123456789")
    assert {u.speaker for u in left} == {"george", "jackson", "nicolas", "yweweler"}
    assert len(kept) + len(left) == 2700
    with pytest.raises(DataError, match=r"no speaker thea; there are george, .*yweweler"):
        FSDDConfig(folder=fsdd, speakers=("thea",)).load(tmp_path)


def test_complaints_name_the_folder_and_every_file(tmp_path: Path) -> None:
    config = FSDDConfig(folder=tmp_path / "absent")
    with pytest.raises(DataError, match=r"no folder .*absent: get the corpus with `asrtrain data get fsdd"):
        config.load(tmp_path)
    with pytest.raises(DataError, match="not in the layout of fsdd"):
        FSDDConfig(folder=tmp_path).load(tmp_path)
    for name in ("0_a_0.wav", "seven.wav", "7-b-0.wav"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"7-b-0.wav: not named .*\n.*seven.wav: not named"):
        FSDDConfig(folder=tmp_path).load(tmp_path)


def test_two_copies_below_one_folder_are_not_guessed_between(tmp_path: Path) -> None:
    for copy in ("a", "b"):
        (tmp_path / copy).mkdir()
        (tmp_path / copy / "0_x_0.wav").touch()
    with pytest.raises(DataError, match=r"holds 2 corpora \(a, b\)"):
        FSDDConfig(folder=tmp_path).load(tmp_path)


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_has_a_card_and_its_own_name(name: str) -> None:
    config = CORPORA[name]
    assert config.model_fields["name"].default == name
    assert config.card.splits
    assert config.card.title and config.card.licence and config.card.homepage.startswith("https://")
    parts = [archive.part for archive in config.card.archives]
    assert len(set(parts)) == len(parts)
