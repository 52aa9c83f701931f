"""A hybrid whose aligner is named by its configuration: that is trained first, once."""

from __future__ import annotations

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
    fit(hybrid, dry_run=True)
    second = fit(hybrid, seed=1)
    assert {path: path.stat().st_mtime_ns for path in (aligner / "checkpoints").iterdir()} == before
    assert "is finished already" in capsys.readouterr().err
    assert second != first


def test_the_run_of_another_configuration_is_not_taken_for_it(hybrid: Path) -> None:
    fit(hybrid.with_name("my aligner.yaml"), output=hybrid.parent / "runs" / "my aligner", overrides=["model.states=3"])
    with pytest.raises(UsageError, match=r"holds a run with another configuration \(model\.states\)"):
        fit(hybrid)


def test_folds_of_a_hybrid_have_aligners_of_their_own(hybrid: Path) -> None:
    report = crossval(hybrid, output=hybrid.parent / "folds")
    assert sorted(report.folds) == ["jackson", "theo"]
    for speaker in report.folds:
        assert dict(read_config(report.folder / speaker).named_runs) == {
            "align_from": report.folder / f"{speaker}-aligner"
        }
