"""``asrtrain config init|list|copy|check|show|schema`` and ``asrtrain info``."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.cli.conftest import Run

from asrtrain import __version__
from asrtrain.config.yaml12 import parse_yaml

CONFIGS = Path(__file__).parents[2] / "configs"


def test_init_then_check_then_show(run: Run) -> None:
    result = run("config", "init")
    assert (result.code, result.out) == (0, "asrtrain.yaml\n")
    assert "asrtrain config check asrtrain.yaml" in result.err
    assert run("config", "check", "asrtrain.yaml") == (0, "asrtrain.yaml: no mistakes\n", "")
    shown = run("config", "show", "asrtrain.yaml").out
    Path("shown.yaml").write_text(shown, encoding="utf-8")
    assert run("config", "show", "shown.yaml").out == shown


@pytest.mark.parametrize("name", ["a\nseed: 7\n#.yaml", "\udcff.yaml", "\x1b[31m.yaml"])
def test_init_writes_whatever_the_name_is(name: str, run: Run) -> None:
    assert run("config", "init", name).code == 0
    assert run("config", "check", name).code == 0
    assert "\nseed: 7" not in Path(name).read_text(encoding="utf-8")


def test_init_takes_changes_and_prints(run: Run) -> None:
    written = run("config", "init", "-", "--set", "model=lstm", "--set", "training.max_epochs=7").out
    data = parse_yaml(written).data
    assert isinstance(data, dict)
    assert isinstance(data["model"], dict)
    assert data["model"]["name"] == "lstm"
    assert "  # Passes over the training data." in written
    assert not Path("-").exists()


def test_init_replaces_nothing_unasked(run: Run) -> None:
    Path("mine.yaml").write_text("seed: 1\n", encoding="utf-8")
    result = run("config", "init", "mine.yaml")
    assert result == (2, "", "mine.yaml exists already: choose another name, or add --force to replace it\n")
    assert Path("mine.yaml").read_text(encoding="utf-8") == "seed: 1\n"
    assert run("config", "init", "mine.yaml", "--force").code == 0
    assert run("config", "init", "no/such/folder.yaml").code == 2
    assert "modl: unknown key" in run("config", "init", "other.yaml", "--set", "modl=cnn").err


def test_show_applies_changes(run: Run) -> None:
    run("config", "init")
    shown = run("config", "show", "asrtrain.yaml", "--set", "clipping={name: none}", "--set", "seed=5").out
    data = parse_yaml(shown).data
    assert isinstance(data, dict)
    assert data["clipping"] == [{"name": "none"}]
    assert data["seed"] == 5


def test_schema_accepts_what_init_writes(run: Run) -> None:
    schema = json.loads(run("config", "schema").out, parse_constant=pytest.fail)
    Draft202012Validator(schema).validate(parse_yaml(run("config", "init", "-").out).data)


def test_info(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corpora" / "yesno").mkdir(parents=True)
    monkeypatch.setenv("ASRTRAIN_CORPORA", str(tmp_path / "corpora"))
    found = json.loads(run("info", "--format", "json").out)
    assert found["python"] == platform.python_version()
    assert found["packages"]["asrtrain"] == __version__
    assert found["packages"]["torch"].startswith("2.11")
    assert found["cpu"]["threads"] >= 1
    assert found["corpora"] == {"yesno": str(tmp_path / "corpora" / "yesno")}
    text = run("info").out
    assert f"asrtrain {__version__}" in text
    assert "libsndfile" in text
    assert "yesno" in text


def test_what_comes_with_asrtrain_is_listed_and_copied_with_what_it_needs(run: Run) -> None:
    listed = run("config", "list").out.splitlines()
    assert [line.split()[0] for line in listed] == sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    assert any(line.startswith("my_words ") and "Your own words" in line for line in listed)
    assert run("config", "copy", "my_words", "digits_triphones").out.split() == [
        *("configs/my_words.yaml", "configs/digits_triphones.yaml", "configs/lexicons/digits.txt")
    ]
    for path in Path("configs").rglob("*.*"):
        assert path.read_bytes() == (CONFIGS.parent / path).read_bytes()
    assert run("config", "check", "configs/digits_triphones.yaml").code == 0


def test_what_is_trained_first_is_copied_too_and_named(run: Run) -> None:
    hybrid = run("config", "copy", "fsdd_dnn_hmm")
    assert hybrid.out.split() == ["configs/fsdd_dnn_hmm.yaml", "configs/fsdd_gmm_hmm.yaml"]
    assert hybrid.err.splitlines()[0] == (
        "configs/fsdd_dnn_hmm.yaml learns from another run, whose configuration is here too; train that first: "
        "asrtrain fit configs/fsdd_gmm_hmm.yaml --output runs/fsdd_gmm"
    )


def test_a_copy_replaces_nothing_of_one_s_own(run: Run) -> None:
    assert run("config", "copy", "my_word").err == (
        "no configuration my_word comes with asrtrain: 'asrtrain config list' shows those that do\n"
    )
    assert run("config", "copy", "my_words").code == 0
    assert run("config", "copy", "my_words").code == 0, "an equal file is no loss"
    Path("configs/my_words.yaml").write_text("seed: 1\n", encoding="utf-8")
    refused = run("config", "copy", "fsdd_mlp", "my_words")
    assert refused.code == 2
    assert refused.err.startswith("configs/my_words.yaml is there already, and differs: rename it, or add --force")
    assert not Path("configs/fsdd_mlp.yaml").exists()
    assert run("config", "copy", "my_words", "--force").code == 0
    assert Path("configs/my_words.yaml").read_bytes() == (CONFIGS / "my_words.yaml").read_bytes()


def test_init_for_other_data_is_not_tested_on_synthetic_digits(run: Run) -> None:
    own = ["--set", "data.train={name: manifest, path: own.csv}"]
    document = parse_yaml(run("config", "init", "-", *own).out).data
    assert isinstance(document, dict)
    assert isinstance(document["data"], dict)
    assert document["data"]["test"] is None
    assert "synth" not in str(document)
    tested = run("config", "init", "-", *own, "--set", "data.test={name: manifest, path: test.csv}").out
    assert "path: test.csv" in tested
    assert "synth" not in str(parse_yaml(tested).data)


def test_check_says_which_files_are_not_there(run: Run) -> None:
    Path("c.yaml").write_text(
        "data:\n"
        "  train:\n"
        "    - {name: manifest, path: train.csv}\n"
        "    - {name: fsdd, folder: digits}\n"
        "  held_out: {by: list, list: held.txt}\n"
        "  test: {name: manifest, path: test.csv, audio_root: audio}\n"
        "  unit: word\n"
        "augmentation: {noise: {folder: noises}}\n"
        "model: {name: dnn_hmm, acoustic: {name: lstm}, align_from: runs/gmm, unit: phone, lexicon: lexicon.txt}\n"
        "output_dir: not_yet\n"
    )
    result = run("config", "check", "c.yaml")
    assert result.code == 3
    said = [line.split("; ")[0] for line in result.err.splitlines()]
    assert said == [
        "c.yaml:3: data.train.0.path: there is no file or folder 'train.csv'",
        "c.yaml:4: data.train.1.folder: there is no file or folder 'digits'",
        "c.yaml:5: data.held_out.list: there is no file or folder 'held.txt'",
        "c.yaml:6: data.test.path: there is no file or folder 'test.csv'",
        "c.yaml:6: data.test.audio_root: there is no file or folder 'audio'",
        "c.yaml:8: augmentation.noise.folder: there is no file or folder 'noises'",
        "c.yaml:9: model.lexicon: there is no file or folder 'lexicon.txt'",
        "c.yaml:9: model.align_from: there is no file or folder 'runs/gmm'",
    ]
    assert "asrtrain data get fsdd --output digits" in result.err
    Path("m.csv").touch()
    Path("c.yaml").write_text("data: {train: {name: manifest, path: n.csv}}\nmodel: {name: cnn}\n")
    assert run("config", "check", "c.yaml").err.startswith("c.yaml:1: data.train.path: ")
    assert run("config", "check", "c.yaml", "--set", "data.train.path=m.csv").code == 0
    assert run("config", "check", "c.yaml", "--set", "data.train.path=o.csv").err.startswith("--set data.train.path: ")
