"""What can be said of a clipping rule from its settings' class alone: for lists and documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from asrtrain.clipping.interface import ClipRuleConfig
from asrtrain.config.defaults import short_default
from asrtrain.config.docstrings import docstring_of
from asrtrain.config.shape import Section, fields
from asrtrain.config.writing import inline

_SENTENCE = re.compile(r"(.+?)(?:: (.+?))?\.(?:\s|$)", re.DOTALL)
"""What a rule does, and after a colon its formula, up to the full stop."""


@final
@dataclass(frozen=True, slots=True)
class RuleCard:
    """A rule in words. defaults holds every key with its default, ``required`` where there is none."""

    name: str
    purpose: str
    formula: str
    details: str
    defaults: str
    source: str
    cost: str


def card_of(name: str, config: type[ClipRuleConfig]) -> RuleCard:
    """Read a card from a class: its docstring, ``source``, ``cost`` and the defaults of its keys."""
    text = " ".join(docstring_of(config).split())
    sentence = _SENTENCE.match(text)
    purpose, formula = (sentence[1], sentence[2] or "") if sentence else (text, "")
    details = text[sentence.end() :] if sentence else ""
    return RuleCard(
        name, purpose, formula, details, ", ".join(_defaults(config)), _bare(config.source), _bare(config.cost)
    )


def _defaults(config: type[ClipRuleConfig]) -> Iterator[str]:
    for key, shape in fields(config).items():
        default = short_default(config, key)
        if isinstance(shape, Section) and isinstance(default, str):
            default = {"name": default}  # a bare name chooses only where there is a choice
        if key != "name":
            yield f"{key}: {'required' if config.model_fields[key].is_required() else inline(default)}"


def _bare(text: str) -> str:
    """Without the marks around names of code, which mean nothing on a terminal."""
    return text.replace("``", "")
