"""Environment variables in text values: ``${VAR}``, ``${VAR:-default}``, and ``$${`` for a literal ``${``."""

from __future__ import annotations

import os
import re

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^${}]*))?\}|\$\{")


class UndefinedVariableError(ValueError):
    """A reference that cannot be replaced."""


def interpolate(text: str) -> str:
    """The text with each reference replaced; as in a shell, ``:-`` also stands in for an empty variable."""
    return _REFERENCE.sub(_replacement, text)


def escape(text: str) -> str:
    """The inverse of `interpolate`: a text that is read back unchanged, whatever the environment."""
    return text.replace("${", "$${")


def _replacement(match: re.Match[str]) -> str:
    if match[0] == "$${":
        return "${"
    name, default = match["name"], match["default"]
    if name is None:
        raise UndefinedVariableError(
            "'${' begins no variable; write ${NAME}, ${NAME:-default}, or $${ for the two characters"
        )
    value = os.environ.get(name)
    if default is not None:
        return value or default
    if value is None:
        raise UndefinedVariableError(
            f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
        )
    return value
