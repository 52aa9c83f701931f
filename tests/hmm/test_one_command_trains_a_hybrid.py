"""A hybrid whose aligner is named by its configuration: that is trained first, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asrtrain.app import crossval, fit
from asrtrain.errors import UsageError
from asrtrain.run_folder import read_config

DATA = """\
seed: 0
output_dir: {folder}/runs
data:
  train: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo, jackson]}}
  test: {{name: fsdd, folder: {fsdd}, split: test, speakers: [theo, jackson]}}
  held_out: {{by: hash, fraction: 0.2}}
  unit: label
features: {{name: mfcc, sample_rate: 8000, deltas: 1, normalise: global}}
"""
ALIGNER = f"""{DATA}model: {{{{name: gmm_hmm, states: 4, mixtures: 2}}}}
training: {{{{max_epochs: 4, batch_size: 100}}}}
"""
HYBRID = f"""{DATA}model:
  {{{{name: dnn_hmm, states: 4, align_from: "{{folder}}/my aligner.yaml", acoustic: {{{{name: mlp}}}}}}}}
training: {{{{max_epochs: 2, batch_size: 20}}}}
"""


@pytest.fixture
def hybrid(tmp_path: Path, fsdd: Path) -> Path:
    for name, text in (("my aligner", ALIGNER), ("hybrid", HYBRID)):
        (tmp_path / f"{name}.yaml").write_text(text.format(folder=tmp_path, fsdd=fsdd), encoding="utf-8")
    return tmp_path / "hybrid.yaml"


def test_one_command_trains_both_and_the_aligner_once(hybrid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aligner = hybrid.parent / "runs" / "my aligner"
    with pytest.raises(UsageError, match=r"model\.align_from: train .*my aligner\.yaml first: asrtrain fit"):
        fit(hybrid, dry_run=True)
    first = fit(hybrid)
    assert (aligner / "outcome.json").is_file()
    assert dict(read_config(first).named_runs) == {"align_from": aligner}
    before = {path: path.stat().st_mtime_ns for path in (aligner / "checkpoints").iterdir()}
    assert (hybrid.parent / "runs" / "latest").resolve() == first
    fit(hybrid, dry_run=True)
    assert (hybrid.parent / "runs" / "latest").resolve() == first
    second = fit(hybrid, seed=1)
    assert {path: path.stat().st_mtime_ns for path in (aligner / "checkpoints").iterdir()} == before
    assert "is finished already" in capsys.readouterr().err
    assert second != first


def test_the_run_of_another_configuration_is_not_taken_for_it(hybrid: Path) -> None:
    fit(hybrid.with_name("my aligner.yaml"), output=hybrid.parent / "runs" / "my aligner", overrides=["model.states=3"])
    with pytest.raises(UsageError, match=r"holds a run with another configuration \(model\.states\)"):
        fit(hybrid)


@pytest.mark.slow
def test_processes_that_torchrun_has_started_use_the_aligner_that_is_trained(hybrid: Path) -> None:
    aligner, folder = hybrid.parent / "runs" / "my aligner", hybrid.parent / "both"
    fit(hybrid.with_name("my aligner.yaml"), output=aligner)
    torchrun = Path(sys.executable).with_name("torchrun")
    own = ["-m", "asrtrain", "fit", str(hybrid), "--output", str(folder), "--device", "cpu"]
    command = [str(torchrun), "--standalone", "--nproc-per-node", "2", *own]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert dict(read_config(folder).named_runs) == {"align_from": aligner}


def test_configurations_that_need_one_another_are_refused(hybrid: Path) -> None:
    hybrid.write_text(hybrid.read_text(encoding="utf-8").replace("my aligner.yaml", "other.yaml"), encoding="utf-8")
    text = hybrid.read_text(encoding="utf-8").replace("other.yaml", "hybrid.yaml")
    hybrid.with_name("other.yaml").write_text(text, encoding="utf-8")
    for command in (fit, crossval):
        with pytest.raises(UsageError, match=r"model\.align_from leads back to .*: each would have to be trained"):
            command(hybrid)


def test_folds_of_a_hybrid_have_aligners_of_their_own(hybrid: Path) -> None:
    report = crossval(hybrid, output=hybrid.parent / "folds")
    assert sorted(report.folds) == ["jackson", "theo"]
    for speaker in report.folds:
        assert dict(read_config(report.folder / speaker).named_runs) == {
            "align_from": report.folder / f"{speaker}-aligner"
        }
