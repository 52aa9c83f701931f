"""JSON that lies in files, which may be damaged or from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, TypeVar, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

T = TypeVar("T")


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401 - JSON is of any type
    """The value that a JSON document holds.

    Raises ValueError for what is no JSON, and for what is nested too deeply to be read.

    >>> parse_json('{"a": [1, 2]}')
    {'a': [1, 2]}
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_record(kind: type[T], values: object) -> T:
    """A dataclass from what ``parse_json`` gave for it: every field there, none besides, each of its type.

    Raises ValueError, which names the first field that is wrong.
    """
    try:
        checked = _checks(cast("Hashable", kind)).model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or kind.__name__
        raise ValueError(f"{field}: {first['msg']}") from None
    return kind(**{name: getattr(checked, name) for name in type(checked).model_fields})


@lru_cache
def _checks(kind: Any) -> type[BaseModel]:  # noqa: ANN401 - any dataclass
    """A model that is as strict as the dataclass's annotations."""
    fields: dict[str, Any] = {name: (annotation, ...) for name, annotation in get_type_hints(kind).items()}
    return create_model(kind.__name__, __config__=ConfigDict(strict=True, extra="forbid"), **fields)
