"""What gives weights their meaning goes with them: symbols, the rules of texts, features, the model.

It is kept in their metadata under ``meaning``, as values of JSON's types by the dotted keys of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asrtrain.errors import CheckpointError

MEANING = "meaning"


def first_difference(metadata: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first key whose values differ, and both values; None if what both speak of is the same.

    Keys that one lacks came with a later version.
    """
    held, wanted = metadata.get(MEANING, {}), other.get(MEANING, {})
    return next(((key, held[key], wanted[key]) for key in held if key in wanted and held[key] != wanted[key]), None)


def check_same(folder: Path, metadata: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Raise CheckpointError if weights were saved with another meaning than this run gives them."""
    if difference := first_difference(metadata, other):
        key, held, wanted = difference
        raise CheckpointError(
            f"{folder} was saved with {key}: {held}, and this run has {wanted}, which gives the weights another "
            "meaning: put it back, or begin a new run"
        )
