"""Clipping rules as people write them on a command line."""

from __future__ import annotations

from asrtrain.clipping import CLIPPERS, ClippingChoice
from asrtrain.config.place import Plain, dotted
from asrtrain.config.problems import find_problems
from asrtrain.config.shape import shape_of
from asrtrain.config.yaml12 import YamlError, parse_yaml
from asrtrain.errors import UsageError


def rule_setting(text: str, option: str) -> Plain:
    """The setting of ``clipping:`` that is meant by ``none``, by ``norm:0.1`` (the rule's first setting), or by YAML.

    Raises UsageError that names the ``option`` unless it makes a rule, or a list of rules.
    """
    setting = _setting(text, option)
    problems = find_problems(shape_of(ClippingChoice), setting)
    if problems:
        said = (
            f"{dotted(problem.path)}: {problem.sentence}" if problem.path else problem.sentence for problem in problems
        )
        raise UsageError("\n".join(f"{option} {text}: {sentence}" for sentence in said))
    return setting


def _setting(text: str, option: str) -> Plain:
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
