"""The JSON Schema of a configuration class, from which editors complete and check a file as it is written."""

from __future__ import annotations

from typing import Any

from asrtrain.config.base import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(model: type[Config]) -> dict[str, Any]:
    """JSON Schema, draft 2020-12: keys, types, ranges, names of components, and every description.

    It refuses what is wrong with a value by itself; that two values clash is only found by loading the file.
    """
    return {"$schema": DIALECT, **_with_names(model.model_json_schema())}


def _with_names(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """The schema with a ``name`` required of every component, as the loader does; pydantic thinks of its default."""
    if isinstance(schema, list):
        return [_with_names(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: _with_names(part) for key, part in schema.items() if key != "discriminator"}
    if "discriminator" not in schema:
        return parts
    names = {"enum": list(schema["discriminator"]["mapping"])}
    return {"type": "object", "required": ["name"], "properties": {"name": names}, **parts}
