"""What two processes train together and one trains alone, to be compared: a program, so that torch is imported once.

``python together.py FOLDER CACHE RECORDINGS`` joins the processes that its environment tells of, goes through all of
``SCENARIOS``, and leaves the results in FOLDER/<rank>.pt.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, final

import torch
import training_recipe
from changed_heads import with_part
from spoiling import Spoilt
from torch import nn

from asrtrain.clipping import CLIPPERS
from asrtrain.encoders import ENCODERS
from asrtrain.errors import TrainingError
from asrtrain.training import Batches, Ingredients, TrainingConfig, Validation, World, joined_world, train
from asrtrain.training.candidate import Candidates
from asrtrain.training.report import StepReport
from asrtrain.training.sharding import shard
from asrtrain.training.step import Updater
from asrtrain.types import Batch, Frames, Part

CPU = torch.device("cpu")
LSTM = {"name": "lstm", "hidden_size": 12, "dropout": 0.0}
SGD = {"name": "sgd", "lr": 0.1}
ITS_OWN = {"utterance_filter"}
"""Rules that, as they say, compare the utterances of one process: two processes do something else than one."""
EXAMPLES: list[dict[str, Any]] = [
    {"name": name, **e} for name, config in CLIPPERS.items() if name not in ITS_OWN for e in config.examples
]
STEPS = 5
GUILTY = 5
"""Its place in a batch: that of a process that does not lead."""

Weights = dict[str, torch.Tensor]
Build = Callable[..., tuple[Ingredients, TrainingConfig]]


@final
class Kept(Batches):
    """Batches made once for all scenarios."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.epochs: dict[int, list[Batch]] = {}

    @property
    def batches_per_epoch(self) -> int:
        return self.batches.batches_per_epoch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        if epoch not in self.epochs:
            self.epochs[epoch] = list(self.batches.epoch(epoch))
        return iter(self.epochs[epoch][start:])


def for_this_model(rule: dict[str, Any]) -> dict[str, Any]:
    """An example's patterns speak of ``a.`` and ``b.``; here they are ``encoder.`` and ``heads.``."""
    text = json.dumps(rule).replace(r"a\\.", r"encoder\\.").replace(r"b\\.", r"heads\\.")
    translated: dict[str, Any] = json.loads(text)
    return translated


def without_odd_ones(parts: Ingredients) -> Ingredients:
    """Leave some utterances out, as CTC does: not equally many in every process."""
    own = parts.model.head.part

    def part(frames: Frames, batch: Batch) -> Part:
        losses = own(frames, batch).per_utterance
        counted = torch.tensor([not name.endswith("theo_5") for name in batch.ids])
        return Part(losses * counted, counted)

    return with_part(parts, part)


def label(rule: dict[str, Any]) -> str:
    return " ".join([rule["name"], *(f"{key}={value}" for key, value in rule.items() if key != "name")])


def weights(model: nn.Module) -> Weights:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def whole_weights(parts: Ingredients) -> Weights:
    """Where they are held in shards, put together in the first process, and None in the others."""
    held = weights(parts.model)
    return held if parts.sharding is None else parts.sharding.whole(held)


def told(report: StepReport) -> dict[str, Any]:
    """What a step's report says, to be equal in all processes."""
    plain: dict[str, Any] = {
        "ids": report.ids,
        "reason": report.reason,
        "dropped": report.dropped,
        "fault": report.fault,
    }
    plain |= {name: float(getattr(report, name)) for name in ("loss", "counted", "norm")}
    return plain | {f"loss of {name}": float(x) for name, x in zip(report.ids, report.losses, strict=True)}


def clipped(report: StepReport) -> dict[str, float]:
    """What clipping says that it did, and how far the weights moved where that was measured."""
    parts = (report.clip, ("norm_before", "norm_after", "clipped_share", "largest", "cosine", "threshold"))
    moved = (report.update, ("norm_before", "norm_after", "weight_norm"))
    return {
        f"{type(part).__name__} {name}": float(getattr(part, name))
        for part, names in (parts, moved)
        if part is not None
        for name in names
    }


def steps(build: Build, world: World, *, count: int = STEPS, odd: bool = False, **options: Any) -> dict[str, Any]:
    """A few updates: the weights afterwards, what was told, and the clipper's state."""
    parts, config = build(**options)
    if odd:
        parts = without_odd_ones(parts)
    parts.model.train()
    if config.sharding == "full" and world.size > 1:
        parts = replace(parts, sharding=shard(parts.model, parts.optimizer, CPU, world))
    update = Updater(parts, config, CPU, decides=True, world=world)
    reports, acts = [], []
    batches = parts.batches.epoch(0)
    while len(reports) < count and (window := list(islice(batches, config.accum_grad))):
        report = update(window)
        reports.append(told(report))
        acts.append(clipped(report))
    state = parts.clipper.state_dict()["state"]
    return {"weights": whole_weights(parts), "told": reports, "clipped": acts, "clipper": state}


def whole_run(
    build: Build, world: World, folder: Path, *, spoilt: set[int], on_nonfinite: dict[str, Any]
) -> dict[str, Any]:
    """A run of two epochs with one bad recording in some batches: the weights, and why it ended if it did."""
    parts, config = build(max_epochs=2, batch_size=8, on_nonfinite=on_nonfinite, checkpoint_interval=5)
    parts = replace(parts, batches=Spoilt(parts.batches, spoilt, GUILTY))

    def validate(model: nn.Module) -> Validation:
        return Validation(1.0, float(model.training), "nothing", higher_is_better=True)

    if not world.leads:  # only what the first process finds is of interest
        parts = replace(parts, validate=validate)
    try:
        train(parts, config, folder, seed=7, device=CPU, metadata={}, world=world)
        ended = ""
    except TrainingError as error:
        ended = str(error)
    return {"weights": weights(parts.model), "ended": ended}


def statistics(build: Build, world: World, **options: Any) -> dict[str, Any]:
    """Other weights than the model's, as an average is, with the statistics that are measured for them."""
    parts, _ = build(model={"name": "cnn"}, **options)
    average = {
        name: tensor / 2 if tensor.is_floating_point() else tensor for name, tensor in weights(parts.model).items()
    }
    found = Candidates(parts, CPU, world).complete(average, 0, averaged=True)
    return {"weights": found, "told": [], "clipper": {}}


POLICIES: dict[str, dict[str, Any]] = {
    "abort": {"loss": "abort"},
    "skip": {"loss": "skip", "per_epoch": 1.0},
    "drop_utterance": {"loss": "drop_utterance", "per_epoch": 1.0},
    "rollback": {"loss": "rollback", "per_epoch": 1.0, "rollback_interval": 2},
    "spent": {"loss": "skip", "consecutive": 2},
}

Scenario = Callable[[Build, World, Path], dict[str, Any]]


def few(**options: Any) -> Scenario:
    return lambda build, world, _: steps(build, world, **options)


def spoilt_run(name: str) -> Scenario:
    return lambda build, world, folder: whole_run(
        build, world, folder / name, spoilt={1, 2, 9}, on_nonfinite=POLICIES[name]
    )


SCENARIOS: dict[str, Scenario] = {
    **{f"rule {label(rule)}": few(clipping=rule) for rule in map(for_this_model, EXAMPLES)},
    **{f"model {name}": few(model={"name": name}) for name in ENCODERS},
    "accumulation": few(accum_grad=4),
    "a lone utterance": few(batch_size=59),
    "a lone utterance and statistics": few(model={"name": "cnn"}, batch_size=59),
    "utterances that do not count": few(odd=True, accum_grad=2),
    "adam": few(optimizer={"name": "adamw", "lr": 1e-3}, l1=1e-4, l2=1e-3, ema=0.9),
    "statistics of an average": lambda build, world, _: statistics(build, world),
    "statistics of a lone utterance": lambda build, world, _: statistics(build, world, batch_size=59),
    **{f"policy {name}": spoilt_run(name) for name in POLICIES},
}


def go_through(
    folder: Path, cache: Path, recordings: Path, world: World, scenarios: dict[str, Scenario] = SCENARIOS
) -> dict[str, dict[str, Any]]:
    """All scenarios, in the same order in all processes."""

    batches: dict[int, Kept] = {}

    def build(**options: Any) -> tuple[Ingredients, TrainingConfig]:
        own = {name: options.pop(name) for name in ("model", "clipping", "optimizer") if name in options}
        config = TrainingConfig(**{"batch_size": 7, **options})
        own = {"model": LSTM, "clipping": {"name": "norm", "threshold": 0.5}, "optimizer": SGD, **own}
        own["model"] = without_dropout(own["model"])
        part = (world.rank, world.size)
        parts = training_recipe.ingredients(recordings, cache, config, augment=False, part=part, **own)
        assert config.batch_size is not None
        return replace(parts, batches=batches.setdefault(config.batch_size, Kept(parts.batches))), config

    return {name: scenario(build, world, folder) for name, scenario in scenarios.items()}


def without_dropout(model: dict[str, Any]) -> dict[str, Any]:
    """Dropout differs between processes on purpose."""
    return {**model, "dropout": 0.0} if "dropout" in ENCODERS[model["name"]].model_fields else model


def main(scenarios: dict[str, Scenario] = SCENARIOS) -> None:
    torch.set_num_threads(1)
    folder, cache, recordings = map(Path, sys.argv[1:4])
    with joined_world() as world:
        torch.save(go_through(folder, cache, recordings, world, scenarios), folder / f"{world.rank}.pt")


if __name__ == "__main__":
    main()
