"""One checkpoint: a folder of weights, alone or with all that training needs to continue, proven whole."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from asrtrain.errors import CheckpointError
from asrtrain.features.interface import FrontEnd
from asrtrain.files.json_text import parse_json
from asrtrain.training.averaging import Weights
from asrtrain.training.durable import reporting_failure
from asrtrain.training.manifest import MANIFEST, read_folder, write_folder
from asrtrain.training.tree import join, split

WEIGHTS = "model.safetensors"
TENSORS = "state.safetensors"
NUMBERS = "state.json"
# One key only: the format does not keep the order of several, and files of equal content shall be equal.
_METADATA = "asrtrain"
_FRONT_END = "front_end."


def save_weights(folder: Path, weights: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> None:
    """Save weights alone, to be used and averaged, and read them back to prove them whole."""
    _replace(folder, {WEIGHTS: _pack(weights, metadata)})


def save_training(
    folder: Path, weights: Mapping[str, torch.Tensor], state: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Save everything that training needs to continue, and read it back to prove it whole."""
    numbers, tensors = split(state)
    text = json.dumps(numbers, indent=1) + "\n"
    _replace(
        folder, {WEIGHTS: _pack(weights, metadata), TENSORS: safetensors.torch.save(tensors), NUMBERS: text.encode()}
    )


def load_training(folder: Path) -> tuple[Weights, dict[str, Any], dict[str, Any]]:
    """The weights of a checkpoint, what is known of them, and the state. Raises CheckpointError unless it is whole."""
    files = read_folder(folder)
    if not {WEIGHTS, TENSORS, NUMBERS} <= set(files):
        raise CheckpointError(f"{folder} holds weights, but no training state to continue from")
    try:
        numbers = parse_json(files[NUMBERS])
        return *_unpack(files[WEIGHTS]), join(numbers, safetensors.torch.load(files[TENSORS]))
    except (SafetensorError, LookupError, ValueError) as error:
        raise CheckpointError(f"{folder} cannot be read: {error}") from error


def load_tensors(folder: Path) -> tuple[Weights, dict[str, Any]]:
    """The weights of a checkpoint and what is known of them. Raises CheckpointError unless it is whole."""
    if not folder.is_dir():
        raise CheckpointError(f"there is no checkpoint {folder}")
    try:
        return _unpack(read_folder(folder)[WEIGHTS])
    except (SafetensorError, LookupError, ValueError) as error:
        raise CheckpointError(f"{folder / WEIGHTS} cannot be read: {error}") from error


def with_front_end(weights: Mapping[str, torch.Tensor], front_end: FrontEnd) -> Weights:
    """The model's weights and, marked by their names, the statistics that its features were made with."""
    return {**weights, **{_FRONT_END + name: tensor for name, tensor in front_end.state_dict().items()}}


def without_front_end(tensors: Weights) -> tuple[Weights, Weights]:
    """What ``with_front_end`` joined: the model's weights, and the front end's state."""
    own = {name.removeprefix(_FRONT_END): tensor for name, tensor in tensors.items() if name.startswith(_FRONT_END)}
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(_FRONT_END)}, own


def load_weights(folder: Path, model: nn.Module, front_end: FrontEnd) -> dict[str, Any]:
    """Load a checkpoint's weights into a model, and its statistics into the front end; returns its metadata.

    Raises CheckpointError unless the checkpoint is whole and its tensors have the model's names and shapes.
    """
    tensors, metadata = load_tensors(folder)
    put_weights(folder, tensors, model, front_end)
    return metadata


def put_weights(folder: Path, tensors: Weights, model: nn.Module, front_end: FrontEnd) -> None:
    """Put what ``load_tensors`` gave into a model and a front end.

    Raises CheckpointError unless the tensors have the model's names and shapes.
    """
    weights, measured = without_front_end(tensors)
    try:
        model.load_state_dict(weights)
        front_end.load_state_dict(measured)
    except RuntimeError as error:
        raise CheckpointError(f"{folder} was saved by another model: {error}") from error


def read_metadata(folder: Path) -> dict[str, Any]:
    """What is known of a checkpoint's weights. Raises CheckpointError unless it is whole."""
    return load_tensors(folder)[1]


def weights_hash(folder: Path) -> str:
    """The SHA-256 of a checkpoint's weights. Raises CheckpointError unless it is whole."""
    return hashlib.sha256(read_folder(folder)[WEIGHTS]).hexdigest()


def remove(folder: Path) -> None:
    """Delete a checkpoint, its manifest first: what is half deleted is no checkpoint."""
    with reporting_failure(folder):
        if folder.is_symlink():
            folder.unlink()
            return
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder)


def _replace(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder, unless it is there already, and read it back to prove it whole."""
    if folder.exists():
        with suppress(CheckpointError):
            if read_folder(folder) == files:
                return
        remove(folder)
    write_folder(folder, files)
    read_folder(folder)


def _pack(weights: Mapping[str, torch.Tensor], metadata: Mapping[str, Any]) -> bytes:
    """The file's bytes; tied weights are stored once for each of their names."""
    tensors = {key: tensor.detach().to("cpu", copy=True).contiguous() for key, tensor in weights.items()}
    return safetensors.torch.save(tensors, {_METADATA: json.dumps(metadata)})


def _unpack(content: bytes) -> tuple[Weights, dict[str, Any]]:
    length = int.from_bytes(content[:8], "little")
    header = parse_json(content[8 : 8 + length])
    metadata: dict[str, Any] = parse_json(header["__metadata__"][_METADATA])
    return safetensors.torch.load(content), metadata
