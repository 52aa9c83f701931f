"""The JSON Schema of a configuration class, from which editors complete and check a file as it is written."""

from __future__ import annotations

from typing import Any

from asrtrain.config.base import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(model: type[Config]) -> dict[str, Any]:
    """JSON Schema, draft 2020-12: keys, types, ranges, names of components, and every description.

    It refuses what is wrong with a value by itself; that two values clash is only found by loading the file.
    """
    return {"$schema": DIALECT, **model.model_json_schema()}
