"""A step in one file, to be replayed anywhere: weights, batch, generators, and the configuration to build the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import safetensors.torch
import torch
from safetensors import SafetensorError

from asrtrain.errors import CheckpointError
from asrtrain.files.json_text import parse_json
from asrtrain.files.tensors import read_tensors
from asrtrain.training.durable import write_file
from asrtrain.training.tree import join, split
from asrtrain.types import Batch, Targets

_VERSION = 2
# One key only: the format does not keep the order of several.
_METADATA, _SEAL = "asrtrain", "sha256"


@final
@dataclass(frozen=True, slots=True)
class SavedStep:
    """A step before it was taken. ``config`` is the run's, of JSON's types; symbols are those of its vocabulary.

    planted are the faults that were planted in it, as their configuration.
    """

    config: Mapping[str, Any]
    symbols: tuple[str, ...]
    weights: Mapping[str, torch.Tensor]
    batch: Batch
    sound: Batch | None
    generators: Mapping[str, torch.Tensor]
    step: int
    epoch: int
    median: float | None
    planted: tuple[Mapping[str, Any], ...]

    def save(self, path: Path) -> None:
        """Write the file. Raises TrainingError if that fails."""
        tree = {
            "version": _VERSION,
            "config": json.dumps(self.config),
            "symbols": list(self.symbols),
            "weights": dict(self.weights),
            "batch": _taken_apart(self.batch),
            "sound": None if self.sound is None else _taken_apart(self.sound),
            "generators": dict(self.generators),
            "place": [self.step, self.epoch],
            "median": self.median,
            "planted": json.dumps(self.planted),
        }
        numbers, tensors = split(tree)
        sealed = {_SEAL: _hash(numbers, tensors), **numbers}
        write_file(path, safetensors.torch.save(tensors, {_METADATA: json.dumps(sealed)}))


def load_step(path: Path) -> SavedStep:
    """Read what was saved. Raises CheckpointError for anything else."""
    try:
        content = read_tensors(path, CheckpointError)
        header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")])
        numbers, tensors = parse_json(header["__metadata__"][_METADATA]), safetensors.torch.load(content)
        if numbers.pop(_SEAL, None) not in (None, _hash(numbers, tensors)):
            raise ValueError(f"what is in it does not match its {_SEAL}")
        tree = join(numbers, tensors)
        if tree["version"] != _VERSION:
            raise CheckpointError(f"{path} was saved by another version of asrtrain: explain it with that one")
        return SavedStep(
            config=dict(parse_json(tree["config"])),
            symbols=tuple(tree["symbols"]),
            weights=tree["weights"],
            batch=_put_together(tree["batch"]),
            sound=None if tree["sound"] is None else _put_together(tree["sound"]),
            generators=tree["generators"],
            step=int(tree["place"][0]),
            epoch=int(tree["place"][1]),
            median=tree["median"],
            planted=tuple(map(dict, parse_json(tree["planted"]))),
        )
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no file {path}") from error
    except (OSError, SafetensorError, LookupError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path} holds no saved step: {error}; give a .safetensors file from a run's folder explain"
        ) from error


def _hash(numbers: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    return hashlib.sha256(json.dumps(numbers).encode() + safetensors.torch.save(dict(tensors))).hexdigest()


def _taken_apart(batch: Batch) -> dict[str, Any]:
    return {
        "ids": list(batch.ids),
        "features": batch.features,
        "lengths": batch.lengths,
        "targets": {name: {"values": one.values, "lengths": one.lengths} for name, one in batch.targets.items()},
        "given": dict(batch.given),
    }


def _put_together(tree: Mapping[str, Any]) -> Batch:
    targets = {name: Targets(one["values"], one["lengths"]) for name, one in tree["targets"].items()}
    return Batch(tuple(tree["ids"]), tree["features"], tree["lengths"], targets, tree["given"])
