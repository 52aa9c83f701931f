"""What two processes train that hold shards of the model: as ``together.py``, with a group of other scenarios."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import together
from spoiling import Spoilt
from together import CPU, EXAMPLES, GUILTY, Build, Scenario, few, for_this_model, label

from asrtrain.clipping import CLIPPERS
from asrtrain.encoders import ENCODERS
from asrtrain.errors import TrainingError
from asrtrain.optim import OPTIMIZERS
from asrtrain.training import World, train
from asrtrain.training.checkpoint import load_training
from asrtrain.training.tree import split

TAKING = [rule for rule in EXAMPLES if CLIPPERS[rule["name"]](**rule).build(0).takes_shards]
"""Examples of rules that act by shards."""


def sharded(**options: Any) -> Scenario:
    return few(sharding="full", **options)


def run(name: str, max_epochs: int, spoilt: set[int], **on_nonfinite: Any) -> Scenario:
    """A run with one bad recording in some batches: all that its last checkpoint holds, and why it ended if it did."""

    def scenario(build: Build, world: World, folder: Path) -> dict[str, Any]:
        options = {"batch_size": 8, "accum_grad": 2, "ema": 0.9, "average": 2, "checkpoint_interval": 2}
        adam, policy = {"name": "adamw"}, {"per_epoch": 1.0, **on_nonfinite}
        parts, config = build(
            sharding="full", optimizer=adam, max_epochs=max_epochs, on_nonfinite=policy, log_interval=1, **options
        )
        parts = replace(parts, batches=Spoilt(parts.batches, spoilt, GUILTY))
        try:
            train(parts, config, folder / name, seed=7, device=CPU, metadata={}, world=world)
            ended = ""
        except TrainingError as error:
            ended = str(error)
        saved = load_training(folder / name / "checkpoints" / "last") if world.leads and not ended else ({}, {})
        state = {name: tensor for name, tensor in split(saved[1])[1].items() if not name.startswith("generators")}
        return {"weights": saved[0] | state, "ended": ended, "folder": folder / name}

    return scenario


NORM, VALUE = {"name": "norm", "threshold": 0.1}, {"name": "value", "threshold": 0.01}
RNN = {"name": "rnn", "hidden_size": 7, "num_layers": 2}
"""Seven rows are not divided evenly."""
QUICK: dict[str, Scenario] = {
    "norm": sharded(clipping=NORM),
    "value": sharded(clipping=VALUE),
    "an RNN and norm": sharded(model=RNN, clipping=NORM),
    "an RNN and value": sharded(model=RNN, clipping=VALUE),
    "fewer rows than processes": sharded(model={"name": "rnn", "hidden_size": 1}, clipping=NORM),
    "value after norm": sharded(clipping=[{"name": "sign"}, VALUE, NORM]),
    "batch normalisation and a lone utterance": sharded(model={"name": "cnn"}, batch_size=59),
    "utterances that do not count": sharded(odd=True, accum_grad=2),
    "a run": run("run", 2, set()),
    "half a run": run("half", 1, set()),
    "a run that skips": run("skips", 2, {1, 5}, loss="skip"),
    "a run that drops": run("drops", 2, {1, 5}, loss="drop_utterance"),
    "a run that aborts": run("aborts", 2, {3}),
    "moments, penalties, an average": sharded(
        optimizer={"name": "adamw"}, l1=1e-4, l2=1e-3, ema=0.9, penalties="before_clipping"
    ),
}
ALL: dict[str, Scenario] = {
    **{f"rule {label(rule)}": sharded(clipping=rule) for rule in map(for_this_model, TAKING)},
    **{f"model {name}": sharded(model={"name": name}) for name in ENCODERS},
    **{f"optimizer {name}": sharded(optimizer={"name": name}) for name in OPTIMIZERS},
    "accumulation": sharded(accum_grad=4),
    "a lone utterance": sharded(batch_size=59),
}
GROUPS = {"quick": QUICK, "all": ALL}

if __name__ == "__main__":
    together.main(GROUPS[sys.argv[4]])
