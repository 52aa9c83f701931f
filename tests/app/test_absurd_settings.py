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
    ("setting", "code"),
    [
        ("model={name: lstm, hidden_size: 10000000}", 2),
        ("model={name: gru, hidden_size: 1000000000000}", 2),
        ("model={name: rnn, hidden_size: 200000, num_layers: 3}", 2),
        ("model={name: mlp, hidden_sizes: [10000000, 10000000]}", 2),
        ("model={name: softmax, frames: 10000000000}", 2),
        ("model={name: gmm_hmm, states: 100000, mixtures: 100000}", 4),
    ],
)
def test_a_model_that_fits_nowhere_is_refused(
    setting: str, code: int, fsdd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(CONFIG.format(fsdd=fsdd), encoding="utf-8")
    assert main(["fit", str(config), "--set", setting, "--dry-run", "--device", "cpu"]) == code
    assert "memory" in (said := capsys.readouterr().err.splitlines()[-1]) or "choose smaller sizes" in said
