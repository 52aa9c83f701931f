"""Names that come from data are names of files at most: nothing is made outside of the folder that was named."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from asrtrain.app import crossval, fit
from asrtrain.cli import main
from asrtrain.run_folder import read_config

CONFIG = """\
data:
  train: {{name: manifest, path: {path}}}
  test: {{name: manifest, path: {path}}}
  held_out: {{by: hash, fraction: 0.5}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: softmax, frames: 8}}
training: {{max_epochs: 1, batch_size: 8}}
"""
SPEAKERS = ["../../escaped", "/tmp/abs", "x" * 300, ".", "Anna", "anna"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory two folders deep, so that what climbs out of it is found below ``tmp_path``."""
    (tmp_path / "one" / "two").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "one" / "two")
    return tmp_path


def write_data(fsdd: Path, *, labels: tuple[str, str] = ("low", "high"), name: str = "c.yaml") -> Path:
    """A manifest of two words of every speaker, and a configuration of it."""
    rows = [
        f'{fsdd}/{digit}_theo_{number}.wav,"{label}","{speaker}","{speaker}/{label}"'
        for number, speaker in enumerate(SPEAKERS)
        for digit, label in enumerate(labels)
    ]
    Path("m.csv").write_text("\n".join(["audio,text,speaker,id", *rows, ""]), encoding="utf-8")
    Path(name).write_text(CONFIG.format(path="m.csv"), encoding="utf-8")
    return Path(name)


def outside(place: Path) -> list[Path]:
    """What was made beside the working directory."""
    return sorted(
        path for path in place.rglob("*") if Path.cwd() not in (path, *path.parents) and path != place / "one"
    )


def test_speakers_of_any_name_have_folds_of_their_own(place: Path, fsdd: Path) -> None:
    report = crossval(write_data(fsdd), output="cv/fold", device="cpu")
    assert sorted(report.folds) == sorted(SPEAKERS)
    runs = [path for path in Path("cv/fold").iterdir() if path.is_dir()]
    assert sorted(read_config(run).data.leave_out for run in runs) == sorted(SPEAKERS)
    assert len({run.name.casefold() for run in runs}) == len(SPEAKERS)
    assert not outside(place)
    assert not Path("/tmp/abs").exists()


@pytest.mark.parametrize("labels", [("../../../up", "/abs"), (".", ".."), ("CON", "x" * 300)])
def test_labels_and_ids_stay_inside(labels: tuple[str, str], place: Path, fsdd: Path) -> None:
    config = write_data(fsdd, labels=labels)
    run = fit(config, output="run", device="cpu")
    codes = [
        main(command)
        for command in (
            ["eval", str(run), "--device", "cpu"],
            ["explain", str(run), "--step", "1", "--device", "cpu"],
            ["report", str(run), "--output", "report.html"],
            ["data", "shard", "m.csv", "--output", "shards"],
            ["data", "convert", "m.csv", "as_ljspeech", "--format", "ljspeech"],
            ["data", "convert", "m.csv", "as_folder", "--format", "folder"],
        )
    ]
    assert codes[:5] == [0] * 5
    assert codes[5] in (0, 3)  # a label that can name no folder is refused
    assert not outside(place)


def test_a_configuration_of_the_longest_name_is_trained(place: Path, fsdd: Path) -> None:
    config = write_data(fsdd, name="c" * 250 + ".yaml")
    run = fit(config, device="cpu")
    assert run.name.startswith("c" * 200)
    assert fit(config, overrides=["training.max_epochs=2"], device="cpu") != run
    assert not outside(place)


def test_the_home_folder_is_meant_by_its_sign(place: Path, fsdd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place / "home"))
    run = fit(write_data(fsdd), overrides=["output_dir=~/exp"], device="cpu")
    assert run.parent == place / "home" / "exp"
    assert not Path("~").exists()


def test_a_place_where_no_folder_can_be_made_is_one_sentence(
    place: Path, fsdd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["fit", str(write_data(fsdd)), "--set", "output_dir=/proc/x", "--device", "cpu"])
    last = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert last.startswith("the run folder /proc/x/c-")
    assert "choose another output_dir" in last
    assert not outside(place)


def test_a_recording_whose_name_is_no_utf8_is_named_in_a_sentence(
    place: Path, fsdd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label, digit in (("one", 1), ("two", 2)):
        Path("words", label).mkdir(parents=True)
        shutil.copyfile(fsdd / f"{digit}_theo_1.wav", f"words/{label}/0.wav")
    shutil.copyfile(fsdd / "1_theo_2.wav", os.fsdecode(b"words/one/a\xe9.wav"))
    Path("c.yaml").write_text(CONFIG.format(path="words"), encoding="utf-8")
    for command in (["fit", "c.yaml"], ["data", "validate", "words"], ["data", "shard", "words", "--output", "shards"]):
        code = main(command)
        said = capsys.readouterr()
        assert code == 3
        assert "rename the file" in said.out + said.err
    assert not outside(place)
