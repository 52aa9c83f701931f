"""What makes the training of a shipped configuration short: fewer recordings and epochs; and what it needs first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import yaml

from same.corpora import SENTENCES, WORDS

_COUNTS = {"train": 250, "dev": 60, "test": 60}
"""Utterances at most, of what is made and can be made in any number."""
_HELD_OUT = 0.2
_FIRST = re.compile(r"^#.* fit configs/(\w+)\.yaml --output (\S+)", re.MULTILINE)
"""The line of a configuration's head that trains another run before."""


@final
@dataclass(frozen=True)
class Recipe:
    """A configuration of a version, and how it is trained here.

    ``settings`` are given with ``--set``. ``needs`` are other configurations with the run folders that they are
    trained into first.
    """

    name: str
    settings: tuple[str, ...]
    needs: dict[str, str]


def recipe(file: Path, corpora: Path, epochs: int) -> Recipe:
    """How a configuration is trained on the small corpora."""
    text = file.read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    settings = [
        *_fewer(config["data"], "data", corpora),
        f"training.max_epochs={max(epochs, _fewest(config['model']))}",
    ]
    return Recipe(file.stem, tuple(settings), dict(_FIRST.findall(text)))


def in_order(names: Iterable[str], recipes: dict[str, Recipe]) -> list[str]:
    """These configurations, each after those that it needs, which are added."""
    found: list[str] = []
    for name in names:
        found += [one for one in [*in_order(recipes[name].needs, recipes), name] if one not in found]
    return found


def _fewer(data: dict[str, Any], key: str, corpora: Path) -> Iterator[str]:
    """The settings that make the data of a configuration few, or put some where the user's own would be."""
    for part, most in _COUNTS.items():
        yield from _fewer_of(data.get(part), f"{key}.{part}", most, corpora)
    if not data.get("dev"):
        yield f"{key}.held_out.fraction={_HELD_OUT}"


def _fewer_of(source: object, key: str, most: int, corpora: Path) -> Iterator[str]:
    if isinstance(source, list):
        for place, one in enumerate(source):
            yield from _fewer_of(one, f"{key}.{place}", most, corpora)
    elif isinstance(source, dict):
        fewer = most // 2 if "of" in source else most  # a string of words says as much as several words
        if source.get("count", 0) > fewer:
            yield f"{key}.count={fewer}"
        if source["name"] == "manifest" and "ASRTRAIN_CORPORA" not in source["path"]:
            yield f"{key}.path={corpora / (WORDS if source.get('format') == 'folder' else SENTENCES)}"


def _fewest(model: dict[str, Any]) -> int:
    """The fewest passes that ``hmm/baum_welch.py`` makes do with; 1 for a network."""
    if model["name"] != "gmm_hmm":
        return 1
    stages = 1 + math.ceil(math.log2(max(model["mixtures"], model.get("silence_mixtures") or 0)))
    return 1 + stages * (2 if model.get("context") == "triphone" else 1)
