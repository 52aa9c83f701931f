"""The base of every configuration class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, GetJsonSchemaHandler, Strict
from pydantic_core import CoreSchema

from asrtrain.config.docstrings import attribute_docstrings
from asrtrain.files.home import at_home


class Config(BaseModel):
    """Frozen and strict: unknown keys are refused, ``True`` is no number, ``"1"`` no integer, infinity no value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def descriptions(cls) -> dict[str, str]:
        """Of the keys that have one: the string below a key describes it.

        Read from the source when somebody asks, which is no training: doing so at once cost every start 0.1 s.
        """
        texts: dict[str, str] = {}
        for base in reversed(cls.__mro__):
            texts |= attribute_docstrings(base) if issubclass(base, Config) else {}
        return {key: texts[key] for key in cls.model_fields if key in texts}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The JSON Schema with the descriptions."""
        schema = handler(core_schema)
        keys = handler.resolve_ref_schema(schema).get("properties", {})
        for key, text in cls.descriptions().items():
            keys[key]["description"] = text
        return schema


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    if interval[0] > interval[1]:
        raise ValueError(f"the range [{interval[0]}, {interval[1]}] ends before it begins")
    return interval


FilePath = Annotated[Path, Strict(False), AfterValidator(at_home)]
"""A path, written as a string; relative to the working directory, or to the user's folder where it begins with ~."""

Range = Annotated[tuple[float, float], Strict(False), AfterValidator(_ordered)]
"""A closed interval, written ``[low, high]``."""
