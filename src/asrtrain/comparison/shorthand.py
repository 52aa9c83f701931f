"""Clipping rules as people write them on a command line."""

from __future__ import annotations

from asrtrain.clipping import CLIPPERS
from asrtrain.config.place import Plain
from asrtrain.config.yaml12 import YamlError, parse_yaml
from asrtrain.errors import UsageError


def rule_setting(text: str, option: str) -> Plain:
    """The setting of ``clipping:`` that is meant by ``none``, by ``norm:0.1`` (the rule's first setting), or by YAML.

    ``option`` is named where the text is no YAML or the rule has no setting. Raises UsageError.
    """
    name, colon, value = text.partition(":")
    if name not in CLIPPERS:
        return from_yaml(text, f"{option} {text}")
    if not colon:
        return {"name": name}
    first = next((field for field in CLIPPERS[name].model_fields if field != "name"), None)
    if first is None:
        raise UsageError(f"{option} {text}: {name} has no setting; write {option} {name}")
    return {"name": name, first: from_yaml(value, f"{option} {text}")}


def from_yaml(text: str, where: str) -> Plain:
    """The data that YAML text stands for. Raises UsageError that begins with ``where``."""
    try:
        document = parse_yaml(text)
    except YamlError as error:
        raise UsageError(f"{where}: {error.sentence}") from None
    if document.problems:
        raise UsageError(f"{where}: {document.problems[0].sentence}")
    return document.data
