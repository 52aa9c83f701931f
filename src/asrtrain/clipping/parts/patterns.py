"""Regular expressions in a configuration."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def _is_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_is_expression)]
"""A regular expression, searched for in the names of parameters."""
