"""What gives weights their meaning goes with them: symbols, the rules of texts, features, the model.

It is kept in their metadata under ``meaning``, as values of JSON's types by the dotted keys of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asrtrain.errors import CheckpointError

MEANING, FORMAT = "meaning", "format"
"""Under these names metadata say what weights mean, and how they are named."""

CURRENT_FORMAT = 2
"""Weights are named by encoder and heads. Those of format 1, without that word, were saved by asrtrain 0.1."""


def check_format(path: Path, metadata: Mapping[str, Any]) -> None:
    """Raise CheckpointError for weights that another version has saved under other names."""
    found = metadata.get(FORMAT, 1)
    if found != CURRENT_FORMAT:
        by = "asrtrain 0.1" if found == 1 else "a later asrtrain"
        raise CheckpointError(
            f"{path} was saved by {by}, whose weights have other names: use it with that version, or train anew from "
            "its config.yaml with asrtrain fit"
        )


def first_difference(metadata: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first key whose values differ, and both values; None if what both speak of is the same.

    Keys that one lacks came with a later version.
    """
    held, wanted = metadata.get(MEANING, {}), other.get(MEANING, {})
    return next(((key, held[key], wanted[key]) for key in held if key in wanted and held[key] != wanted[key]), None)


def check_same(folder: Path, metadata: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Raise CheckpointError if weights were saved with another meaning than this run gives them, or by other names."""
    if FORMAT in other:
        check_format(folder, metadata)
    if difference := first_difference(metadata, other):
        key, held, wanted = difference
        raise CheckpointError(
            f"{folder} was saved with {key}: {held}, and this run has {wanted}, which gives the weights another "
            "meaning: put it back, or begin a new run"
        )
