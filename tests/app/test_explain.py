"""Runs that explain their steps, and steps explained after the fact."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
from tests.app.conftest import write_config

from asrtrain.app import explain, fit
from asrtrain.cli import main
from asrtrain.diagnosis.saved import load_step
from asrtrain.errors import CheckpointError, TrainingError, UsageError
from asrtrain.files.sealed import unseal

FAULTY = """\
seed: 1
output_dir: {folder}/runs
data:
  train: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: lstm, hidden_size: 16, bidirectional: true, dropout: 0.3}}
training:
  max_epochs: 4
  batch_size: 4
  checkpoint_interval: 5
  on_nonfinite: {{gradient: skip, loss: skip, per_epoch: 1.0}}
  inject:
    - {{step: 14, kind: nan, where: {{module: encoder.layers.0.backwards, utterance: 2, frame: 7}}, direction: backward}}
    - {{step: 27, kind: spike, where: {{module: encoder.layers.0.forwards, utterance: 1, frame: 9}}, direction: backward, factor: 1.0e+6}}
    - {{step: 40, kind: nan_feature, where: {{utterance: 3, frame: 5}}}}
    - {{step: 41, kind: nan_feature}}
"""  # noqa: E501


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    """The run folder of a training with faults planted in it; nobody changes it but by explaining."""
    folder = tmp_path_factory.mktemp("faulty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        return fit(write_config(folder, fsdd, FAULTY))


def told(run: Path, step: int) -> dict:
    values = unseal((run / "explain" / f"step-{step}.json").read_text())
    values.pop("text_sha256")
    return values


def test_a_run_explains_its_worst_steps_and_no_more_than_it_may(faulty):
    names = sorted(path.name for path in (faulty / "explain").iterdir())
    steps = {name.partition(".")[0] for name in names}
    assert steps == {"step-14", "step-27", "step-40"}
    assert {name.partition(".")[2] for name in names} == {"json", "txt", "png", "safetensors"}
    nan, spike, feature = (told(faulty, step) for step in (14, 27, 40))
    assert (nan["producer"]["module"], nan["producer"]["direction"]) == ("encoder.layers.0.backwards", "backward")
    assert nan["frame"]["index"] == 7
    assert (spike["producer"]["module"], spike["producer"]["direction"]) == ("encoder.layers.0.forwards", "backward")
    assert spike["frame"]["index"] == 9
    assert (feature["producer"]["module"], feature["frame"]["index"]) == ("features", 5)
    assert spike["norm"] > 50 * spike["median"]
    log = (faulty / "log.txt").read_text()
    assert log.count("this run has a fault planted on purpose, at step ") == 4
    where = f"encoder.layers.0.backwards, backward, utterance {nan['utterance']}, frame 7"
    assert f"step 14: planted on purpose: nan in {where}" in log
    assert "It began in encoder.layers.0.forwards (LSTM), in the backward pass" in log


def test_the_log_has_the_norm_that_the_replay_has(faulty):
    rows = [json.loads(line) for line in (faulty / "metrics.jsonl").read_text().splitlines()]
    (row,) = (row for row in rows if row["kind"] == "step" and row["step"] == 27)
    assert told(faulty, 27)["norm"] == pytest.approx(row["norm_before"], rel=1e-6)


@pytest.mark.parametrize("step", [14, 27, 40])
def test_a_step_made_again_is_the_step_that_was(faulty, tmp_path, step):
    run = tmp_path / "run"
    shutil.copytree(faulty, run, symlinks=True)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and "explain" not in path.parts}
    assert explain(run, step=step).to_json() == told(faulty, step)
    assert {path: path.read_bytes() for path in before} == before


def test_a_saved_step_needs_no_run(faulty, tmp_path):
    file = tmp_path / "somewhere.safetensors"
    shutil.copy(faulty / "explain" / "step-27.safetensors", file)
    assert explain(batch=file, plot=tmp_path / "plot.png").to_json() == told(faulty, 27)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    saved = load_step(file)
    assert saved.step == 27
    assert len(saved.batch.ids) == 4


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("version", 1, "was saved by another version of asrtrain: explain it with that one"),
        ("config", '{"modle": {}}', r"was saved by another version of asrtrain: (?s:.)*modle: unknown key"),
        ("config", "[1]", "holds no saved step"),
        ("planted", '[{"kind": "curse"}]', r"was saved by another version of asrtrain: (?s:.)*curse"),
        ("weights", {}, r"was saved by another version of asrtrain: (?s:.)*Missing key"),
    ],
)
def test_a_step_saved_by_another_version_is_refused(faulty, tmp_path, key, value, sentence):
    content = (faulty / "explain" / "step-27.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    tree = json.loads(header["__metadata__"]["asrtrain"]) | {key: value, "sha256": None}
    tensors = safetensors.torch.load(content)
    safetensors.torch.save_file(tensors, tmp_path / "other.safetensors", {"asrtrain": json.dumps(tree)})
    with pytest.raises(CheckpointError, match=sentence):
        explain(batch=tmp_path / "other.safetensors")


def test_any_step_can_be_explained_and_the_worst_is_chosen(faulty, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(faulty, run, symlinks=True)
    sound = explain(run, step=30)
    assert sound.producer is None
    assert (run / "explain" / "step-30.txt").read_text().splitlines()[2] == sound.verdict
    assert explain(run).step == 14


def test_explaining_changes_no_weight_of_the_run(faulty, tmp_path, fsdd):
    config = write_config(tmp_path, fsdd, FAULTY)
    silent = fit(config, overrides=["training.explain.most=0"])
    assert not (silent / "explain").exists()
    ours, theirs = (run / "checkpoints" / "last" / "model.safetensors" for run in (faulty, silent))
    state = [load_weights_alone(path) for path in (ours, theirs)]
    assert state[0] == state[1]


def load_weights_alone(path: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in safetensors.torch.load_file(path).items()}


def test_a_run_that_aborts_says_why_first(tmp_path, fsdd):
    config = write_config(tmp_path, fsdd, FAULTY)
    with pytest.raises(TrainingError, match="step 14"):
        fit(config, overrides=["training.on_nonfinite={}"], output=tmp_path / "run")
    assert told(tmp_path / "run", 14)["producer"]["module"] == "encoder.layers.0.backwards"
    # The run can be explained although it has no end.
    assert explain(tmp_path / "run").to_json() == told(tmp_path / "run", 14)


def test_an_explanation_that_fails_does_not_hide_what_ends_the_run(tmp_path, fsdd):
    config, run = write_config(tmp_path, fsdd, FAULTY), tmp_path / "run"
    with pytest.raises(TrainingError, match="step 14"):
        fit(config, overrides=["training.on_nonfinite={}"], output=run)
    shutil.rmtree(run / "explain")
    (run / "explain").write_text("in the way")
    with pytest.raises(TrainingError, match="step 14"):
        fit(config, overrides=["training.on_nonfinite={}"], output=run)
    assert "It could not be explained" in (run / "log.txt").read_text(encoding="utf-8")


def test_what_cannot_be_explained_is_refused(faulty, tmp_path):
    with pytest.raises(UsageError, match=r"--step 500: .* has steps 1 to "):
        explain(faulty, step=500)
    with pytest.raises(UsageError, match="leave out RUN"):
        explain(faulty, batch=faulty / "explain" / "step-27.safetensors")
    with pytest.raises(CheckpointError, match="there is no file"):
        explain(batch=tmp_path / "none.safetensors")
    (tmp_path / "other.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="is no file of tensors"):
        explain(batch=tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="holds no saved step"):
        explain(batch=faulty / "checkpoints" / "last" / "model.safetensors")


def test_the_command_line_prints_text_and_json(faulty, capsys):
    file = str(faulty / "explain" / "step-27.safetensors")
    assert main(["explain", "--batch", file]) == 0
    assert "It began in encoder.layers.0.forwards (LSTM)" in capsys.readouterr().out
    assert main(["explain", "--batch", file, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == told(faulty, 27)
    assert main(["explain", "--batch", "nowhere"]) == CheckpointError.exit_code


def test_what_goes_wrong_while_explaining_is_told_and_not_hidden(faulty, monkeypatch, capsys):
    """In training it costs the explanation; where the explanation is all that is asked for, it is the answer."""

    def failing(*_: object) -> None:
        raise ZeroDivisionError("the real cause")

    monkeypatch.setattr("asrtrain.app.explanations.explain", failing)
    assert main(["explain", str(faulty), "--step", "14", "--device", "cpu"]) == 1
    assert "ZeroDivisionError: the real cause" in capsys.readouterr().err
