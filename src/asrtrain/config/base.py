"""The base of every configuration class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Strict


class Config(BaseModel):
    """Frozen and strict: unknown keys are refused, ``True`` is no number, ``"1"`` no integer, infinity no value."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _ordered(interval: tuple[float, float]) -> tuple[float, float]:
    if interval[0] > interval[1]:
        raise ValueError(f"the range [{interval[0]}, {interval[1]}] ends before it begins")
    return interval


FilePath = Annotated[Path, Strict(False)]
"""A path, written as a string; relative to the working directory."""

Range = Annotated[tuple[float, float], Strict(False), AfterValidator(_ordered)]
"""A closed interval, written ``[low, high]``."""
