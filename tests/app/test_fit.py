"""Training from a configuration file, and everything that happens to run folders."""

from __future__ import annotations

import json
import shutil
from functools import partial
from itertools import takewhile
from pathlib import Path

import pytest
import torch
from tests.app.conftest import WORDS, write_config

from asrtrain import run_folder
from asrtrain.app import fit
from asrtrain.config import dump_config, load_config
from asrtrain.errors import CheckpointError, DataError, UsageError
from asrtrain.run_config import RunConfig
from asrtrain.training.lock import exclusive


def weights(run: Path, checkpoint: str = "best") -> bytes:
    return (run / "checkpoints" / checkpoint / "model.safetensors").read_bytes()


def rows(run: Path, kind: str) -> list[dict]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def test_a_run_folder_holds_everything(trained: Path) -> None:
    for name in (
        "config.yaml", "tokens.txt", "metrics.jsonl", "metrics.csv", "log.txt", "environment.json", "outcome.json",
        "tensorboard", "checkpoints/best/model.safetensors", "checkpoints/last/state.json",
        "checkpoints/average/model.safetensors", "results/curves.png", "results/gradients.png",
    ):  # fmt: skip
        assert (trained / name).exists(), name


def test_latest_is_the_newest_run_wherever_it_lies(trained: Path, tmp_path: Path) -> None:
    overrides = [f"output_dir={tmp_path}/runs", "training.max_epochs=1"]
    for output in (None, tmp_path / "elsewhere" / "run"):
        run = fit(trained / "config.yaml", overrides=overrides, output=output)
        assert (tmp_path / "runs" / "latest").resolve() == run.resolve()
    assert [entry.name for entry in (tmp_path / "elsewhere").iterdir()] == ["run"]


def test_a_run_that_cannot_begin_is_taken_back_and_an_old_one_stays(trained: Path, tmp_path: Path) -> None:
    config, folder = load_config(trained / "config.yaml", RunConfig), tmp_path / "runs" / "words"
    held = partial(run_folder.claimed, folder)
    with pytest.raises(DataError, match="gone"), held(), run_folder.started(folder, config, "data"):
        raise DataError("gone")
    assert not folder.exists()
    with held(), run_folder.started(folder, config, "data"):
        pass
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(DataError, match="gone"), held(), run_folder.started(folder, config, "data"):
        raise DataError("gone")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before != {}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("clipping={name: recurrent_clip, threshold: 1.0}", "acts in recurrent layers, and the model has none"),
        ("training.inject=[{kind: nan, step: 3, where: {module: decoder}}]", "the model has no module decoder"),
    ],
)
def test_what_the_model_cannot_do_leaves_no_folder(trained: Path, tmp_path: Path, override: str, words: str) -> None:
    overrides = [f"output_dir={tmp_path}/runs", "model={name: mlp}", override]
    with pytest.raises(UsageError, match=words):
        fit(trained / "config.yaml", overrides=overrides)
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_only_a_run_of_the_same_data_is_taken_up(trained: Path, tmp_path: Path) -> None:
    overrides = [f"output_dir={tmp_path}/runs", "training.max_epochs=1"]
    few = fit(trained / "config.yaml", overrides=overrides, overfit=4)
    (few / "outcome.json").unlink()
    assert fit(trained / "config.yaml", overrides=overrides) != few


def test_a_stopped_run_is_found_behind_others(trained: Path, tmp_path: Path) -> None:
    overrides = [f"output_dir={tmp_path}/runs", "training.max_epochs=1"]
    stopped = fit(trained / "config.yaml", overrides=overrides)
    (stopped / "outcome.json").unlink()
    fit(trained / "config.yaml", overrides=[*overrides, "optimizer.lr=0.5"])
    (tmp_path / "runs" / "config-crossval-20260101-000000").mkdir()
    assert fit(trained / "config.yaml", overrides=overrides) == stopped


def test_it_learns_and_clips_as_told(trained: Path) -> None:
    epochs, steps = rows(trained, "epoch"), rows(trained, "step")
    assert epochs[-1]["dev_metric"] > 0.6
    assert epochs[-1]["dev_loss"] < epochs[0]["dev_loss"]
    assert all(step["norm_after"] <= 1.0 + 1e-6 for step in steps)
    assert any(step["clipped"] for step in steps)
    assert all((step["coefficient"] < 1) == step["clipped"] for step in steps)


def test_a_transcriber_s_best_epoch_is_chosen_by_loss_until_words_are_right(transcriber: Path) -> None:
    """The first epochs of CTC have a WER of about 100 %, which tells nothing; their loss falls."""
    lowest, before = float("inf"), rows(transcriber, "epoch")
    deaf = list(takewhile(lambda epoch: epoch["dev_metric"] > 0.9, before))
    assert deaf
    for epoch in deaf:
        assert epoch["best"] == (epoch["dev_loss"] < lowest)
        lowest = min(lowest, epoch["dev_loss"])
    outcome = json.loads((transcriber / "outcome.json").read_text())
    assert outcome["chosen_by"] == ("loss" if len(deaf) == len(before) else "wer")
    if len(deaf) < len(before):
        rates = [epoch["dev_metric"] for epoch in before]
        assert rates[outcome["best_epoch"] - 1] == min(rates)


def test_the_resolved_configuration_repeats_the_run(trained: Path, tmp_path: Path) -> None:
    again = fit(trained / "config.yaml", output=tmp_path / "again")
    assert weights(again) == weights(trained)
    assert load_config(again / "config.yaml", RunConfig) == load_config(trained / "config.yaml", RunConfig)


def test_another_seed_is_another_run(trained: Path, tmp_path: Path) -> None:
    other = fit(trained / "config.yaml", output=tmp_path / "other", seed=4)
    assert weights(other) != weights(trained)


def test_a_finished_run_is_left_alone(trained: Path) -> None:
    before = weights(trained, "last")
    assert fit(trained / "config.yaml", output=trained) == trained
    assert weights(trained, "last") == before


def test_a_stopped_run_is_taken_up_and_ends_as_if_nothing_had_happened(trained: Path, tmp_path: Path) -> None:
    config = tmp_path / "words.yaml"
    shutil.copyfile(trained / "config.yaml", config)
    overrides = [f"output_dir={tmp_path}/runs"]
    straight = fit(config, overrides=overrides)
    whole = weights(straight)
    (straight / "outcome.json").unlink()
    newest = sorted((straight / "checkpoints").glob("last-*"))[-1]
    shutil.rmtree(newest)
    assert fit(config, overrides=overrides) == straight
    assert weights(straight) == whole
    assert len(rows(straight, "epoch")) == 3


def test_a_stopped_run_is_not_hidden_by_a_finished_one_of_a_later_name(trained: Path, tmp_path: Path) -> None:
    for name in ("words-20260101-000000", "words-20260101-000000-2", "words-20260101-000000-10"):
        shutil.copytree(trained, tmp_path / "runs" / name, symlinks=True)
    config = load_config(trained / "config.yaml", RunConfig).model_copy(update={"output_dir": tmp_path / "runs"})
    for path in (tmp_path / "runs").iterdir():
        (path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert run_folder.unfinished_folder(config, "words") is None
    for stopped, newest in (("-2", "-2"), ("", "-2"), ("-10", "-10")):
        (tmp_path / "runs" / f"words-20260101-000000{stopped}" / "outcome.json").unlink()
        assert run_folder.unfinished_folder(config, "words") == tmp_path / "runs" / f"words-20260101-000000{newest}"


def test_a_start_beside_another_one_writes_nothing(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with exclusive(folder), pytest.raises(UsageError, match="another process is training in"):
        fit(trained / "config.yaml", output=folder, seed=4)
    assert [path.name for path in folder.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "lost", [("results/curves.png",), ("outcome.json", "results/curves.png", "results/gradients.png")]
)
def test_pictures_that_a_kill_has_cost_are_drawn_by_the_next_call(
    trained: Path, tmp_path: Path, lost: tuple[str, ...]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run, symlinks=True)
    for name in lost:
        (run / name).unlink()
    assert fit(run / "config.yaml", output=run) == run
    assert all((run / name).is_file() for name in lost)


def test_never_begins_a_new_run_and_must_refuses_to(trained: Path, tmp_path: Path, fsdd: Path) -> None:
    config = write_config(tmp_path, fsdd, WORDS)
    with pytest.raises(CheckpointError, match="--resume must"):
        fit(config, resume="must")
    with pytest.raises(UsageError, match="--resume never"):
        fit(trained / "config.yaml", output=trained, resume="never")


def test_another_configuration_does_not_mix_with_a_run(trained: Path) -> None:
    with pytest.raises(UsageError, match=r"another configuration \(optimizer.lr\)"):
        fit(trained / "config.yaml", output=trained, overrides=["optimizer.lr=0.5"])


def test_a_folder_of_something_else_is_not_written_into(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UsageError, match="holds no run"):
        fit(trained / "config.yaml", output=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_dry_run_writes_no_run(trained: Path, tmp_path: Path) -> None:
    folder = fit(trained / "config.yaml", output=tmp_path / "run", dry_run=True)
    assert not folder.exists()


def test_a_few_utterances_can_be_learnt_by_heart(trained: Path, tmp_path: Path) -> None:
    overrides = ["training.max_epochs=40", "training.average=0"]
    run = fit(trained / "config.yaml", output=tmp_path / "few", overfit=20, overrides=overrides)
    assert rows(run, "epoch")[-1]["dev_metric"] == 1.0
    with pytest.raises(UsageError, match="--overfit 0"):
        fit(trained / "config.yaml", output=tmp_path / "none", overfit=0)


def test_words_too_long_for_their_recordings_are_told_of(
    transcriber: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = ["features.stack=90", "training.max_epochs=1"]
    run = fit(transcriber / "config.yaml", output=tmp_path / "run", overrides=overrides)
    assert "too long for their recordings" in capsys.readouterr().err
    assert any(step["counted"] < step["utterances"] for step in rows(run, "step"))


def test_a_development_word_that_nobody_trained_on_is_refused(trained: Path, tmp_path: Path, fsdd: Path) -> None:
    (tmp_path / "dev.csv").write_text(f"path,text\n{fsdd}/7_theo_1.wav,sieben\n")
    overrides = [f"data.dev={{name: manifest, path: {tmp_path}/dev.csv}}"]
    with pytest.raises(DataError, match=r"dev\.csv:2.*sieben"):
        fit(trained / "config.yaml", output=tmp_path / "run", overrides=overrides)


@pytest.mark.parametrize("device", ["nonsense", "mps", "meta", "xla", "cuda:99", "vulkan"])
def test_a_missing_device_is_one_sentence(device: str, trained: Path, tmp_path: Path) -> None:
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("it is not missing here")
    with pytest.raises(UsageError, match=f"--device {device}: .*(use auto, cpu or cuda|use --device cpu)"):
        fit(trained / "config.yaml", output=tmp_path / "run", device=device)


@pytest.mark.parametrize("normalise", ["global", "speaker"])
def test_statistics_of_the_training_data_stay_with_the_run(trained: Path, tmp_path: Path, normalise: str) -> None:
    from asrtrain.app import evaluate

    run = fit(trained / "config.yaml", output=tmp_path / "run", overrides=[f"features.normalise={normalise}"])
    assert evaluate(run).accuracy > 0.5


def test_a_run_is_not_taken_up_on_other_data(trained: Path, tmp_path: Path, fsdd: Path) -> None:
    lines = [f"{path},{path.name[0]}\n" for path in sorted(fsdd.glob("[0-2]_theo_?.wav"))]
    (tmp_path / "train.csv").write_text("path,text\n" + "".join(lines))
    overrides = [f"data.train={{name: manifest, path: {tmp_path}/train.csv}}", "data.test=null"]
    run = fit(trained / "config.yaml", output=tmp_path / "run", overrides=overrides)
    (run / "outcome.json").unlink()
    (tmp_path / "train.csv").write_text("path,text\n" + "".join(lines[1:]))
    with pytest.raises(UsageError, match="other data"):
        fit(trained / "config.yaml", output=run, overrides=overrides)


def test_a_manifest_that_is_not_there(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: there is no such manifest; set the path"):
        fit(
            trained / "config.yaml",
            output=tmp_path / "run",
            overrides=[f"data.train={{name: manifest, path: {tmp_path}/nowhere.csv}}"],
        )


def test_a_run_written_before_a_key_existed_is_still_the_same_run(trained: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(trained, old, symlinks=True)
    text = (old / "config.yaml").read_text(encoding="utf-8")
    assert "  log_interval: 50\n" in text
    (old / "config.yaml").write_text(text.replace("  log_interval: 50\n", ""), encoding="utf-8")
    assert fit(trained / "config.yaml", output=old) == old
    with pytest.raises(UsageError, match=r"another configuration \(seed\)"):
        fit(trained / "config.yaml", output=old, seed=99)
