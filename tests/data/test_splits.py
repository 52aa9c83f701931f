"""Holding out a development part: stable, complete, and without leaking speakers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asrtrain.data.manifest import read_manifest
from asrtrain.data.manifest_source import ManifestConfig
from asrtrain.data.splits import HeldOutConfig, hold_out
from asrtrain.errors import DataError
from asrtrain.types import Utterance


def utterance(name: str, speaker: str = "") -> Utterance:
    return Utterance(name, Path(f"{name}.wav"), "yes", speaker)


NAMES = st.lists(st.text(min_size=1), min_size=2, unique=True)
FRACTIONS = st.floats(0.01, 0.99)


@given(names=NAMES, fraction=FRACTIONS, seed=st.integers(0, 5))
def test_both_parts_are_there_and_make_the_whole(names: list[str], fraction: float, seed: int) -> None:
    utterances = [utterance(name) for name in names]
    train, dev = hold_out(utterances, HeldOutConfig(fraction=fraction, seed=seed))
    assert train
    assert dev
    assert [u for u in utterances if u in dev] == dev
    assert [u for u in utterances if u not in dev] == train


def test_hash_does_not_move_utterances_when_others_come_or_the_order_changes() -> None:
    utterances = [utterance(f"utterance-{number}") for number in range(2000)]
    _, dev = hold_out(utterances[:1000], HeldOutConfig())
    shuffled = random.Random(0).sample(utterances, len(utterances))
    train, more = hold_out(shuffled, HeldOutConfig())
    assert {u.id for u in dev} <= {u.id for u in more}
    assert not {u.id for u in dev} & {u.id for u in train}
    assert 0.08 < len(more) / 2000 < 0.12
    assert hold_out(utterances, HeldOutConfig(seed=1))[1] != hold_out(utterances, HeldOutConfig())[1]


def test_the_hash_is_this_one_for_ever() -> None:
    _, dev = hold_out([utterance(f"{digit}_theo_7") for digit in range(10)], HeldOutConfig(fraction=0.3))
    assert [u.id for u in dev] == ["0_theo_7", "3_theo_7", "7_theo_7"]


@given(
    speakers=st.lists(st.sampled_from("abcdefg"), min_size=2).filter(lambda found: len(set(found)) > 1),
    fraction=FRACTIONS,
    seed=st.integers(0, 5),
)
def test_no_speaker_is_on_both_sides(speakers: list[str], fraction: float, seed: int) -> None:
    utterances = [utterance(str(number), speaker) for number, speaker in enumerate(speakers)]
    train, dev = hold_out(utterances, HeldOutConfig(by="speaker", fraction=fraction, seed=seed))
    assert train
    assert dev
    assert not {u.speaker for u in train} & {u.speaker for u in dev}
    assert len(train) + len(dev) == len(utterances)


def test_real_speakers_are_kept_apart(corpora: Path) -> None:
    utterances = read_manifest(corpora / "speechocean762-train")
    train, dev = hold_out(utterances, HeldOutConfig(by="speaker", fraction=0.1))
    assert not {u.speaker for u in train} & {u.speaker for u in dev}
    assert 0.1 <= len(dev) / len(utterances) < 0.12


def test_one_manifest_is_training_and_test_data(corpora: Path, tmp_path: Path) -> None:
    """Three times, with no speaker in two parts: the development part is held out of the rest."""
    ocean = {"name": "manifest", "path": str(corpora / "speechocean762-train")}
    part = {"test_part": {"by": "speaker", "fraction": 0.2}}
    rest = ManifestConfig.model_validate({**ocean, **part, "split": "train"}).load(tmp_path)
    test = ManifestConfig.model_validate({**ocean, **part, "split": "test"}).load(tmp_path)
    train, dev = hold_out(rest, HeldOutConfig(by="speaker"))
    speakers = [{u.speaker for u in side} for side in (train, dev, test)]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 125
    assert (len(train), len(dev), len(test)) == (1800, 200, 500)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [({"split": "test"}, "nothing divides the manifest"), ({"test_part": {"by": "speaker"}}, "but split is all")],
)
def test_a_side_needs_a_division_and_a_division_a_side(keys: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ManifestConfig.model_validate({"path": "x.csv", **keys})


@pytest.mark.parametrize(
    ("speakers", "complaint"),
    [
        (["a", ""], "1 of 2 utterances have no speaker, .* write by: hash, or name the speakers"),
        (["a", "a"], "the only speaker is 'a'"),
    ],
)
def test_without_speakers_there_is_no_division_by_speaker(speakers: list[str], complaint: str) -> None:
    utterances = [utterance(str(number), speaker) for number, speaker in enumerate(speakers)]
    with pytest.raises(DataError, match=complaint):
        hold_out(utterances, HeldOutConfig(by="speaker"))


def test_nothing_can_be_held_out_of_one_utterance() -> None:
    with pytest.raises(DataError, match="name a dev source"):
        hold_out([utterance("a")], HeldOutConfig())


def test_a_list_names_ids_or_files_as_speech_commands_does(tmp_path: Path) -> None:
    listed = tmp_path / "validation_list.txt"
    listed.write_bytes(b"\xef\xbb\xbfyes/a.wav\r\n\r\nno/b\r\n")
    utterances = [utterance(name) for name in ("yes/a", "yes/b", "no/b")]
    train, dev = hold_out(utterances, HeldOutConfig(by="list", list=listed))
    assert [u.id for u in dev] == ["yes/a", "no/b"]
    assert [u.id for u in train] == ["yes/b"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a\nx\ny\n", r"list\.txt:2: no utterance has the id 'x'\n.*list\.txt:3: no utterance has the id 'y'"),
        ("\n", "holds out none"),
        ("a\nb\n", "holds out all"),
        (None, r"list\.txt: there is no such file"),
    ],
)
def test_lists_that_do_not_fit_are_named(tmp_path: Path, content: str | None, complaint: str) -> None:
    listed = tmp_path / "list.txt"
    if content is not None:
        listed.write_text(content)
    with pytest.raises(DataError, match=complaint):
        hold_out([utterance("a"), utterance("b")], HeldOutConfig(by="list", list=listed))


@pytest.mark.parametrize(
    "values",
    [{"by": "list"}, {"list": "dev.txt"}, {"by": "speaker", "list": "dev.txt"}, {"fraction": 0.0}, {"fraction": 1.0}],
)
def test_settings_that_clash_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"held_out|fraction"):
        HeldOutConfig.model_validate(values)


def test_an_id_of_the_list_that_only_looks_like_one_of_the_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "held.txt").write_text("cafe\u0301\n", encoding="utf-8")
    utterances = [utterance("caf\u00e9"), utterance("b")]
    with pytest.raises(DataError, match="'caf\u00e9' is another, which only looks or reads alike"):
        hold_out(utterances, HeldOutConfig(by="list", list=tmp_path / "held.txt"))
