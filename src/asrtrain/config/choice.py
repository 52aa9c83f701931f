"""Choosing a component by name from an explicit table: ``model: {name: lstm, hidden_size: 128}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from asrtrain.config.base import Config


def _name_alone(value: object) -> object:
    """``model: lstm`` means ``model: {name: lstm}``."""
    return {"name": value} if isinstance(value, str) else value


@dataclass(frozen=True, eq=False)
class OneOf:
    """Annotates a field whose value is one of the configuration classes of a table, told apart by their ``name``.

    The static type stays the interface: ``model: Annotated[EncoderConfig, OneOf(ENCODERS)]``.
    """

    table: Mapping[str, type[Config]]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[str, CoreSchema] = {name: handler.generate_schema(config) for name, config in self.table.items()}
        tagged = core_schema.tagged_union_schema(choices, discriminator="name")
        return core_schema.no_info_before_validator_function(
            _name_alone,
            tagged,
            serialization=core_schema.plain_serializer_function_ser_schema(_dump),
            json_schema_input_schema=core_schema.union_schema([core_schema.literal_schema(list(choices)), tagged]),
        )


def _dump(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json")
