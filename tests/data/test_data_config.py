"""The data part of a configuration: sources to splits, normalised, held out, checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from asrtrain.data import SOURCES
from asrtrain.data.data_config import DataConfig
from asrtrain.data.interface import SourceConfig
from asrtrain.errors import DataError, UsageError


def manifest(folder: Path, name: str, rows: str) -> dict[str, Any]:
    for audio in ("a", "b", "c"):
        (folder / f"{audio}.wav").write_bytes(b"RIFF")
    (folder / name).write_text(f"id,audio,text\n{rows}")
    return {"name": "manifest", "path": str(folder / name)}


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, dict[str, Any]]:
    return {
        "train": manifest(tmp_path, "train.csv", "a,a.wav,YES\nb,b.wav,No\nx,c.wav,yes\n"),
        "more": manifest(tmp_path, "more.csv", "c,c.wav,stop\n"),
        "clash": manifest(tmp_path, "clash.csv", "a,c.wav,stop\nb,c.wav,stop\n"),
        "marks": manifest(tmp_path, "marks.csv", "c,c.wav,...\nd,c.wav,?\n"),
    }


def test_one_source_or_a_list(sources: dict[str, Any], tmp_path: Path) -> None:
    one = DataConfig.model_validate({"train": sources["train"], "text": {"case": "lower"}})
    assert [u.text for part in one.load_training(tmp_path) for u in part if u.id == "a"] == ["yes"]
    two = DataConfig.model_validate({"train": [sources["train"], sources["more"]], "dev": sources["more"]})
    splits = two.load(tmp_path)
    assert [u.id for u in splits.train] == ["a", "b", "x", "c"]
    assert [u.id for u in splits.dev] == ["c"]
    assert splits.test == []
    for config in (one, two):
        assert DataConfig.model_validate(config.model_dump(mode="json")) == config


def test_one_split_alone(sources: dict[str, Any], tmp_path: Path) -> None:
    config = DataConfig.model_validate({"train": sources["train"], "test": sources["more"]})
    assert [u.id for u in config.load_split("test", tmp_path)] == ["c"]
    held_out = config.load_split("dev", tmp_path)
    assert {u.id for u in config.load_split("train", tmp_path)} == {"a", "b", "x"} - {u.id for u in held_out}
    with pytest.raises(UsageError, match=r"data\.test names no source"):
        DataConfig.model_validate({"train": sources["train"]}).load_split("test", tmp_path)


def test_ids_in_two_sources_are_all_named(sources: dict[str, Any], tmp_path: Path) -> None:
    config = DataConfig.model_validate({"train": [sources["train"], sources["clash"]]})
    with pytest.raises(DataError, match=r"(?s)clash\.csv:2: the id 'a' is that of .*train\.csv:2 too.*clash\.csv:3"):
        config.load(tmp_path)


def test_texts_that_normalisation_empties_are_all_named(sources: dict[str, Any], tmp_path: Path) -> None:
    config = DataConfig.model_validate({"train": sources["marks"], "text": {"punctuation": "strip"}})
    with pytest.raises(DataError, match=r"(?s)marks\.csv:2: nothing is left.*marks\.csv:3: nothing is left"):
        config.load(tmp_path)


def test_real_speech_by_configuration(fsdd: Path, tmp_path: Path) -> None:
    source = {"name": "fsdd", "folder": str(fsdd.parent)}
    config = DataConfig.model_validate(
        {"train": source, "test": source | {"split": "test"}, "held_out": {"by": "speaker", "fraction": 0.1}}
    )
    splits = config.load(tmp_path)
    assert (len(splits.train), len(splits.dev), len(splits.test)) == (2250, 450, 300)
    assert len({u.speaker for u in splits.dev}) == 1
    assert len({u.text for u in splits.train}) == 10


def test_nobody_who_is_left_out_takes_all_of_a_part_along(fsdd: Path, tmp_path: Path) -> None:
    source = {"name": "fsdd", "folder": str(fsdd.parent)}
    held_out = {"by": "speaker", "fraction": 0.1}
    values = {"train": source, "test": source | {"split": "test"}, "held_out": held_out}
    for speaker in ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"):
        train, dev = DataConfig.model_validate({**values, "leave_out": speaker}).load_training(tmp_path)
        assert len({u.speaker for u in train}) == 4
        assert len({u.speaker for u in dev}) == 1
    for part, more in (("training", {"dev": source}), ("development", {"dev": source | {"speakers": ["theo"]}})):
        train = source | ({"speakers": ["theo"]} if part == "training" else {})
        config = DataConfig.model_validate({"train": train, **more, "leave_out": "theo"})
        with pytest.raises(DataError, match=rf"data\.leave_out: 'theo' speaks all \d+ {part} utterances"):
            config.load_training(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"train": []},
        {"train": {"name": "manifest"}},
        {"train": {"name": "manifests", "path": "x"}},
        {"train": {"path": "x"}},
        {"train": {"name": "manifest", "path": "x", "format": "xml"}},
        {"train": {"name": "manifest", "path": "x"}, "unit": "phone"},
        {"train": {"name": "manifest", "path": "x"}, "text": {"case": "title"}},
        {"train": {"name": "manifest", "path": "x"}, "held_out": {"fraction": 1.5}},
        {"train": {"name": "manifest", "path": "x", "seperator": ","}},
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DataConfig.model_validate(values)


def test_the_schema_accepts_one_source_and_a_list() -> None:
    schema = DataConfig.model_json_schema()
    source = {"name": "manifest", "path": "train.csv"}
    for train in (source, [source, source]):
        jsonschema.validate({"train": train}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"train": {"name": "manifest", "paht": "train.csv"}}, schema)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_named_as_in_the_table_and_described(name: str) -> None:
    config = SOURCES[name]
    assert issubclass(config, SourceConfig)
    assert config.model_fields["name"].default == name
    assert config.__doc__
    assert set(config.model_fields) - set(config.descriptions()) <= {"name"}


def test_data_is_loaded_without_torch() -> None:
    modules = "asrtrain.data.data_config, asrtrain.data.validation, asrtrain.data.statistics, asrtrain.data.conversion"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
