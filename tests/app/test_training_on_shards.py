"""Training on shards is training on the files they were made of."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.app.conftest import write_config

from asrtrain.app import fit
from asrtrain.data.manifest import read_manifest, write_manifest
from asrtrain.data.shards import write_shards
from asrtrain.types import Utterance

CONFIG = """\
seed: 3
output_dir: {folder}/runs
data:
  train: {{name: manifest, path: {folder}/m.jsonl}}
features: {{name: mfcc, sample_rate: 8000}}
model: {{name: softmax, frames: 12}}
augmentation: {{speed: [0.9, 1.1]}}
training: {{max_epochs: 2, batch_size: 8}}
"""


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / "last" / "model.safetensors")


@pytest.fixture
def config(fsdd: Path, tmp_path: Path) -> Path:
    paths = sorted(fsdd.glob("?_theo_[0-9].wav"))
    write_manifest([Utterance(p.stem, p, p.stem[0], "theo") for p in paths], tmp_path / "m.jsonl")
    write_shards(read_manifest(tmp_path / "m.jsonl"), tmp_path / "shards", 30)
    return write_config(tmp_path, fsdd, CONFIG)


def test_shards_train_to_the_weights_of_their_files(config: Path) -> None:
    shards = f"data.train={{name: shards, path: {config.parent}/shards}}"
    one, other = fit(config), fit(config, overrides=[shards])
    theirs = weights(other)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in weights(one).items())
