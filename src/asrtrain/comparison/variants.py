"""Variants of a configuration: every clipping rule with every combination of the other values."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from asrtrain.comparison.shorthand import from_yaml, rule_setting
from asrtrain.errors import UsageError
from asrtrain.files.names import safe_name


@dataclass(frozen=True, slots=True)
class Variant:
    """A name for people, and the ``key=value`` settings that make it out of the common configuration."""

    label: str
    overrides: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The label as a folder's name."""
        return safe_name(re.sub(r"[^A-Za-z0-9._=-]+", "_", self.label).strip("_") or "as_configured")


def variants_of(rules: Sequence[str], varied: Sequence[str]) -> list[Variant]:
    """Every clipping rule times every value of every varied key, in the order given; the first is the baseline.

    ``rules`` are written as in YAML, or in short: ``none``, ``norm:0.1`` (the rule's first setting). ``varied`` are
    ``key=a,b,c``. Raises UsageError.
    """
    choices = [[_varied_rule(rule) for rule in rules]] if rules else []
    choices += [_varied_values(text) for text in varied]
    if not choices:
        raise UsageError("nothing to compare: give --clip RULE twice or more, or --vary KEY=A,B")
    variants = [
        Variant(", ".join(label for label, _ in picked), tuple(override for _, override in picked))
        for picked in product(*choices)
    ]
    if len(variants) < 2:
        raise UsageError(f"only one variant, {variants[0].label}: give another --clip RULE, or --vary KEY=A,B")
    folders = [variant.folder for variant in variants]
    for variant in variants:
        if folders.count(variant.folder) > 1:
            raise UsageError(f"the variant {variant.label} is given twice; leave one out")
    return variants


def _varied_rule(text: str) -> tuple[str, str]:
    """The label and the override of a clipping rule."""
    return text, f"clipping={json.dumps(rule_setting(text, '--clip'))}"


def _varied_values(text: str) -> list[tuple[str, str]]:
    """The labels and overrides of ``key=a,b,c``."""
    key, equals, values = text.partition("=")
    if key == "seed":
        raise UsageError(f"--vary {text}: every variant is trained with the same seeds; say how many with --seeds")
    listed = from_yaml(f"[{values}]", f"--vary {text}")
    if not equals or not key or not isinstance(listed, list) or not listed:
        raise UsageError(f"--vary {text}: write key=a,b,c, for example --vary optimizer.lr=0.01,0.1")
    return [(f"{key}={_short(value)}", f"{key}={json.dumps(value)}") for value in listed]


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
