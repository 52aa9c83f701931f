"""Trained recognisers, from their run folders."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from asrtrain import run_folder
from asrtrain.assembly import Recogniser, build_recogniser, choose_device
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.errors import CheckpointError
from asrtrain.training import load_weights

Checkpoint = Literal["best", "last", "average"]


def load_recogniser(folder: Path, checkpoint: Checkpoint, device: str) -> Recogniser:
    """The recogniser of a run folder with the weights of a checkpoint.

    Raises CheckpointError if there is none of that name, or if it is damaged or belongs to another model.
    """
    config = run_folder.read_config(folder)
    vocabulary = Vocabulary.load(folder / run_folder.TOKENS, config.data.unit)
    recogniser = build_recogniser(config, vocabulary, choose_device(device))
    weights = folder / "checkpoints" / checkpoint
    if not weights.exists():
        there = sorted(link.name for link in weights.parent.glob("*") if link.is_symlink())
        hint = f"there are: {', '.join(there)}" if there else "training saved none yet"
        raise CheckpointError(f"{folder} has no checkpoint {checkpoint!r}; {hint}")
    load_weights(weights, recogniser.model, recogniser.front_end)
    return recogniser
