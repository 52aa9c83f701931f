"""What goes with weights, so that another configuration or other symbols are not put on them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asrtrain import run_folder
from asrtrain.assembly import System
from asrtrain.config import load_config
from asrtrain.data.vocabulary import Vocabulary, named
from asrtrain.errors import CheckpointError
from asrtrain.files.reading import LARGEST_TEXT, read_file
from asrtrain.run_config import RunConfig
from asrtrain.terminal import say
from asrtrain.training.meaning import CURRENT_FORMAT, FORMAT, MEANING, check_format, first_difference

_SYMBOLS = "symbols"
_LEARNT_FROM = ("model.align_from", "model.start_from", "model.language_model.path")
"""Other runs and files, which have done their work when the weights are there: checkpoints hold what came of them."""
_FILES = ("model.lexicon",)
"""Files that are read whenever the weights are used. They may lie elsewhere, but not say anything else."""


def metadata_of(system: System) -> dict[str, Any]:
    """What is written beside the weights of a recogniser, of JSON's types."""
    config = system.config
    return {
        FORMAT: CURRENT_FORMAT,
        "task": system.task,
        "unit": config.data.unit,
        "config": config.model_dump(mode="json"),
        MEANING: _meaning(config, system.vocabulary),
    }


def read_checked(folder: Path, checkpoint: Path, metadata: Mapping[str, Any]) -> tuple[RunConfig, Vocabulary]:
    """The configuration and the symbols in a run folder, if they are those of the weights.

    Raises CheckpointError naming the file and the first key that differ, and DataError, UsageError.
    """
    check_format(checkpoint, metadata)
    path = folder / run_folder.CONFIG
    config = load_config(path, RunConfig)
    _check(path, checkpoint, metadata, _of_config(config))
    vocabulary = Vocabulary.load(folder / run_folder.TOKENS, config.data.unit)
    _check_symbols(folder / run_folder.TOKENS, checkpoint, metadata, vocabulary)
    _tell_other_data(path, metadata, config)
    return config, vocabulary


def _meaning(config: RunConfig, vocabulary: Vocabulary) -> dict[str, Any]:
    return {**_of_config(config), _SYMBOLS: list(vocabulary.symbols)}


def _of_config(config: RunConfig) -> dict[str, Any]:
    whole = run_folder.flattened(config.model_dump(mode="json"))
    kept = {key: value for key, value in whole.items() if _has_meaning(key)}
    return {key: _content(value) if key in _FILES and value is not None else value for key, value in kept.items()}


def _has_meaning(key: str) -> bool:
    return key.startswith(("data.unit", "data.text.", "features.", "model.")) and key not in _LEARNT_FROM


def _content(path: str) -> str:
    return f"a file with the SHA-256 {hashlib.sha256(read_file(Path(path), LARGEST_TEXT, CheckpointError)).hexdigest()}"


def _check(path: Path, checkpoint: Path, metadata: Mapping[str, Any], found: dict[str, Any]) -> None:
    if difference := first_difference(metadata, {MEANING: found}):
        key, held, here = difference
        raise CheckpointError(
            f"{path}: {key} is {here}, but the weights in {checkpoint} were trained with {held}: put it back"
        )


def _check_symbols(path: Path, checkpoint: Path, metadata: Mapping[str, Any], vocabulary: Vocabulary) -> None:
    held = metadata.get(MEANING, {}).get(_SYMBOLS)
    if held is None:
        raise CheckpointError(f"{checkpoint} does not say which symbols its weights are of: it is damaged")
    found = list(vocabulary.symbols)
    for line, (here, there) in enumerate(zip(found, held, strict=False), start=1):
        if here != there:
            raise CheckpointError(
                f"{path}:{line}: the symbol is {named([here])}, but the weights in {checkpoint} were trained with "
                f"{named([there])}: put it back"
            )
    if len(found) != len(held):
        raise CheckpointError(
            f"{path} has {len(found)} symbols, but the weights in {checkpoint} {len(held)}: put it back"
        )


def _tell_other_data(path: Path, metadata: Mapping[str, Any], config: RunConfig) -> None:
    """Other data may be scored, but not without a word."""
    before = run_folder.flattened(metadata.get("config", {}))
    after = run_folder.flattened(config.model_dump(mode="json"))
    differing = [key for key in before if key.startswith("data.") and key in after and before[key] != after[key]]
    if differing:
        say(f"{path}: {', '.join(differing)} is not what this run was trained with")
