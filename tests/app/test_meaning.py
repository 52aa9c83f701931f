"""Weights are not used with other symbols, texts, features or another model than they were trained with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asrtrain.app import evaluate, explain, fit, transcribe
from asrtrain.errors import CheckpointError
from asrtrain.training import read_metadata
from asrtrain.training.checkpoint import load_tensors, load_training, save_training, save_weights


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run", symlinks=True))


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("tokens.txt", "seven 5", "sevem 5", r"tokens\.txt:6: the symbol is 'sevem', but the weights in .* 'seven'"),
        ("tokens.txt", "zero 9\n", "", r"tokens\.txt has 9 symbols, but the weights in .*/epoch-00003 10"),
        ("config.yaml", "normalise: utterance", "normalise: none", r"config\.yaml: features\.normalise is none, but "),
        ("config.yaml", "frame_shift: 10.0", "frame_shift: 20.0", r"config\.yaml: features\.frame_shift is 20\.0"),
        ("config.yaml", "case: keep", "case: upper", r"config\.yaml: data\.text\.case is upper, but "),
        ("config.yaml", "frames: 12", "frames: 11", r"config\.yaml: model\.frames is 11, but .* trained with 12"),
    ],
)
def test_one_sentence_names_the_file_and_the_key(
    run: Path, fsdd: Path, file: str, old: str, new: str, said: str
) -> None:
    changed(run / file, old, new)
    with pytest.raises(CheckpointError, match=said):
        evaluate(run)
    with pytest.raises(CheckpointError, match=said):
        list(transcribe([fsdd / "7_theo_0.wav"], run=run))


def test_what_does_not_change_the_meaning_may_change(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = evaluate(run)
    changed(run / "config.yaml", "max_epochs: 3", "max_epochs: 5")
    changed(run / "config.yaml", "output_dir: ", "output_dir: elsewhere/")
    assert evaluate(run).to_json() | {"real_time_factor": 0} == before.to_json() | {"real_time_factor": 0}
    assert "is not what this run was trained with" not in capsys.readouterr().err
    changed(run / "config.yaml", "split: test", "split: train")
    evaluate(run)
    assert "config.yaml: data.test.split is not what this run was trained with" in capsys.readouterr().err


def test_a_run_is_not_continued_with_another_meaning(run: Path, trained: Path) -> None:
    (run / "outcome.json").unlink()
    changed(run / "config.yaml", "max_epochs: 3", "max_epochs: 4")
    changed(run / "config.yaml", "normalise: utterance", "normalise: none")
    with pytest.raises(CheckpointError, match=r"last-.* saved with features\.normalise: utterance, and this run has"):
        fit(run / "config.yaml", output=run)


def test_weights_of_another_run_are_not_averaged_in(run: Path) -> None:
    from asrtrain.training.store import CheckpointStore

    (first, *_) = sorted((run / "checkpoints").glob("epoch-*"))
    tensors, metadata = load_tensors(first)
    metadata["meaning"]["features.normalise"] = "none"
    shutil.rmtree(first)
    save_weights(first, tensors, metadata)
    numbers = [int(path.name[-5:]) for path in sorted((run / "checkpoints").glob("epoch-*"))]
    assert len(numbers) > 1
    with pytest.raises(CheckpointError, match="normalise"):
        CheckpointStore(run, 2).average(numbers)


def test_checkpoints_of_an_older_version_are_refused_with_its_name_and_fitted_again(run: Path, tmp_path: Path) -> None:
    for folder in (run / "checkpoints").iterdir():
        if folder.is_symlink():
            continue
        metadata = {key: value for key, value in read_metadata(folder).items() if key not in ("meaning", "format")}
        if (folder / "state.json").exists():
            weights, _, state = load_training(folder)
            shutil.rmtree(folder)
            save_training(folder, weights, state, metadata)
        else:
            weights, _ = load_tensors(folder)
            shutil.rmtree(folder)
            save_weights(folder, weights, metadata)
    sentence = r"was saved by asrtrain 0\.1, whose weights have other names: use it with that version, or train anew"
    with pytest.raises(CheckpointError, match=sentence):
        evaluate(run)
    with pytest.raises(CheckpointError, match=sentence):
        explain(run, step=30)
    (run / "outcome.json").unlink()
    with pytest.raises(CheckpointError, match=sentence):
        fit(run / "config.yaml", output=run)
    assert (fit(run / "config.yaml", output=tmp_path / "anew") / "outcome.json").is_file()
