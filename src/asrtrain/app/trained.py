"""Trained recognisers, from their run folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from asrtrain import run_folder
from asrtrain.app.meaning import read_checked
from asrtrain.assembly import System, build_ingredients, build_system, choose_device
from asrtrain.data.data_config import Splits
from asrtrain.errors import CheckpointError, UsageError
from asrtrain.evaluation import Origin
from asrtrain.run_config import RunConfig
from asrtrain.training import Ingredients, StepRecord, World, load_tensors, put_weights, read_steps, weights_hash

Checkpoint = Literal["best", "last", "average"]


def load_system(folder: Path, checkpoint: Checkpoint, device: str) -> System:
    """The recogniser of a run folder with the weights of a checkpoint.

    Raises CheckpointError if there is none of that name, or if it is damaged or belongs to another model, or if what
    gives it its meaning has changed since.
    """
    # Resolved, as training may let the name mean other weights in the meantime.
    weights = checkpoint_path(folder, checkpoint).resolve()
    tensors, known = load_tensors(weights)
    config, vocabulary = read_checked(folder, weights, known)
    system = build_system(config, vocabulary, choose_device(device))
    put_weights(weights, tensors, system.model, system.front_end)
    search = dict(system.search.description)
    origin = Origin(f"checkpoints/{weights.name}", known["epoch"], weights_hash(weights), search)
    return replace(system, origin=origin, longest=known.get("longest"))


def gather_ingredients(system: System, splits: Splits, world: World | None = None) -> Ingredients:
    """Everything that the training loop turns into weights, from the data and from other runs that are named.

    Raises UsageError, DataError, CheckpointError.
    """
    runs = system.config.named_runs
    loaded = {run: _named_run(key, run, system) for key, run in runs.items()}
    return build_ingredients(system, splits, world, others={key: loaded[run] for key, run in runs.items()})


def _named_run(key: str, run: Path, system: System) -> System:
    """The best recogniser of another run, on the same device. Raises CheckpointError where there is none."""
    if run.is_file():
        raise UsageError(
            f"model.{key}: {run} is no run yet: asrtrain fit trains it first, and then what learns from it"
        )
    if not run.exists():
        raise CheckpointError(
            f"model.{key}: there is no run {run}: train it first, asrtrain fit CONFIG --output {run}, "
            "where CONFIG is that of a gmm_hmm (or dnn_hmm) with the same states"
        )
    return load_system(run_folder.find(run), "best", str(system.device))


def checkpoint_path(folder: Path, checkpoint: Checkpoint) -> Path:
    """Where a run folder has a checkpoint. Raises CheckpointError if there is none of that name."""
    weights = folder / "checkpoints" / checkpoint
    if not weights.exists():
        there = sorted(link.name for link in weights.parent.glob("*") if link.is_symlink())
        hint = f"there are: {', '.join(there)}" if there else "training saved none yet"
        raise CheckpointError(f"{folder} has no checkpoint {checkpoint!r}; {hint}")
    return weights


def recorded_steps(folder: Path, config: RunConfig) -> list[StepRecord]:
    """The steps in the log of a run, one at least. Raises CheckpointError if there is none, or if it is damaged."""
    steps = list(read_steps(folder))
    if steps:
        return steps
    if config.is_reestimated:
        raise CheckpointError(f"{folder}: model {config.model.name} takes no steps: it is trained without gradients")
    raise CheckpointError(f"{folder} has not a single step in its log; train it first, with asrtrain fit")
