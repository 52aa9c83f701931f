"""The base of every configuration class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict
from pydantic.fields import FieldInfo

from asrtrain.config.docstrings import attribute_docstrings


class Config(BaseModel):
    """Frozen and strict: unknown keys are refused, ``True`` is no number, ``"1"`` no integer, infinity no value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init_subclass__(cls, **settings: Any) -> None:  # noqa: ANN401 - pydantic's own
        """The string below a key describes it."""
        super().__init_subclass__(**settings)
        for name, text in attribute_docstrings(cls).items():
            given = cls.__dict__.get(name, ...)
            field = given if isinstance(given, FieldInfo) else Field(given)
            setattr(cls, name, FieldInfo.merge_field_infos(field, description=text))


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    if interval[0] > interval[1]:
        raise ValueError(f"the range [{interval[0]}, {interval[1]}] ends before it begins")
    return interval


FilePath = Annotated[Path, Strict(False)]
"""A path, written as a string; relative to the working directory."""

Range = Annotated[tuple[float, float], Strict(False), AfterValidator(_ordered)]
"""A closed interval, written ``[low, high]``."""
