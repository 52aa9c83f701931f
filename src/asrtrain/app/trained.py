"""Trained recognisers, from their run folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from asrtrain.app.meaning import read_checked
from asrtrain.assembly import Recogniser, build_recogniser, choose_device
from asrtrain.errors import CheckpointError
from asrtrain.evaluation import Origin
from asrtrain.hmm import GMMHMMConfig
from asrtrain.run_config import RunConfig
from asrtrain.training import StepRecord, load_tensors, put_weights, read_steps, weights_hash

Checkpoint = Literal["best", "last", "average"]


def load_recogniser(folder: Path, checkpoint: Checkpoint, device: str) -> Recogniser:
    """The recogniser of a run folder with the weights of a checkpoint.

    Raises CheckpointError if there is none of that name, or if it is damaged or belongs to another model, or if what
    gives it its meaning has changed since.
    """
    # Resolved, as training may let the name mean other weights in the meantime.
    weights = checkpoint_path(folder, checkpoint).resolve()
    tensors, known = load_tensors(weights)
    config, vocabulary = read_checked(folder, weights, known)
    recogniser = build_recogniser(config, vocabulary, choose_device(device))
    put_weights(weights, tensors, recogniser.model, recogniser.front_end)
    search = dict(recogniser.decoder.search)
    origin = Origin(f"checkpoints/{weights.name}", known["epoch"], weights_hash(weights), search)
    return replace(recogniser, origin=origin, longest=known.get("longest"))


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
    if isinstance(config.model, GMMHMMConfig):
        raise CheckpointError(f"{folder}: model {config.model.name} takes no steps: it is trained without gradients")
    raise CheckpointError(f"{folder} has not a single step in its log; train it first, with asrtrain fit")
