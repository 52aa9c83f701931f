"""Thresholds for groups of parameters, which regular expressions tell apart by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from asrtrain.clipping.parts.limits import Alike, ByThreshold, Constant, Limits
from asrtrain.clipping.parts.patterns import Pattern
from asrtrain.clipping.parts.scopes import Scope, Splitter, not_one_group, split_by, split_by_pattern
from asrtrain.clipping.thresholds import FixedConfig, ThresholdChoice, ThresholdConfig
from asrtrain.errors import UsageError


def _is_no_threshold(value: object) -> object:
    """``{name: random, low: 1, …}`` is one threshold, though its values could be thresholds too."""
    if isinstance(value, Mapping) and "name" in value:
        raise ValueError("a mapping with the key name is one threshold, and not one for every group")
    return value


Groups = Annotated[dict[Pattern, ThresholdChoice], Field(min_length=1), BeforeValidator(_is_no_threshold)]
"""Regular expressions, each with a threshold; every parameter's name must be found by exactly one of them."""

Thresholds = ThresholdConfig | Mapping[str, ThresholdConfig]
"""One for everything, or one for every group."""

_NAMES_SHOWN = 6


def splitter_of(scope: Scope | Literal["group"], threshold: Thresholds) -> Splitter:
    """The splitter of a scope, which may be that of groups."""
    if isinstance(threshold, Mapping):
        return split_by_pattern(list(threshold))
    assert scope != "group"
    return split_by(scope)


def limits_of(threshold: Thresholds, seed: int) -> Limits:
    """The limits of every block: thresholds alike, or those of its group."""
    if isinstance(threshold, Mapping):
        return ByThreshold(lambda group: threshold[group].build(seed))
    if isinstance(threshold, FixedConfig):
        return Constant(threshold.value)
    return Alike(threshold.build(seed))


def check_scope(scope: str, threshold: Thresholds) -> None:
    """Raise ValueError unless the scope is of groups just where the threshold is."""
    if scope == "group" and not isinstance(threshold, Mapping):
        raise ValueError("scope: group wants a threshold for every group: {regular expression: threshold, …}")
    if scope != "group" and isinstance(threshold, Mapping):
        raise ValueError(f"a threshold for every group wants scope: group, found scope: {scope}")


def check_groups(key: str, threshold: Thresholds, names: Sequence[str]) -> None:
    """Raise UsageError unless every name is found by exactly one expression, and every expression finds one.

    Where there is one threshold for everything, there is nothing to check.
    """
    if isinstance(threshold, Mapping):
        for name in names:
            found = [pattern for pattern in threshold if re.search(pattern, name)]
            if len(found) != 1:
                raise UsageError(f"{key}: {not_one_group(name, found)}")
        check_patterns(key, tuple(threshold), names)


def check_patterns(key: str, patterns: Sequence[str], names: Sequence[str]) -> None:
    """Raise UsageError if an expression finds no name at all."""
    for pattern in patterns:
        if not any(re.search(pattern, name) for name in names):
            shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
            raise UsageError(f"{key}: {pattern!r} finds no parameter; correct or remove it; there are {shown}")
