"""Settings that no computer can hold end in a sentence, before any of the memory is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from asrtrain.cli import main

CONFIG = """\
data:
  train: {{name: fsdd, folder: {fsdd}, split: train, speakers: [theo]}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: softmax, frames: 8}}
training: {{max_epochs: 1, batch_size: 64}}
"""


@pytest.mark.parametrize(
    "setting",
    [
        "model={name: lstm, hidden_size: 10000000}",
        "model={name: gru, hidden_size: 1000000000000}",
        "model={name: rnn, hidden_size: 200000, num_layers: 3}",
        "model={name: mlp, hidden_sizes: [10000000, 10000000]}",
        "model={name: softmax, frames: 10000000000}",
        "model={name: gmm_hmm, states: 100000, mixtures: 100000}",
        "model={name: gmm_hmm, states: 100000000000}",
        "model={name: gmm_hmm, silence_mixtures: 10000000000}",
        "model={name: gmm_hmm, mixtures: 10000000, covariance: full}",
        "model={name: dnn_hmm, acoustic: mlp, align_from: x, states: 100000000000}",
    ],
)
def test_a_model_that_fits_nowhere_is_refused(
    setting: str, fsdd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    is_refused(tmp_path, fsdd, capsys, setting)


def test_so_is_a_head(fsdd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    is_refused(tmp_path, fsdd, capsys, "data.unit=char", "objective={name: attention, hidden_size: 10000000}")


def is_refused(folder: Path, fsdd: Path, capsys: pytest.CaptureFixture[str], *settings: str) -> None:
    config = folder / "c.yaml"
    config.write_text(CONFIG.format(fsdd=fsdd), encoding="utf-8")
    options = [text for setting in settings for text in ("--set", setting)]
    assert main(["fit", str(config), *options, "--dry-run", "--device", "cpu"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("choose smaller sizes")
