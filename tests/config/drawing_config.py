"""A small configuration tree that has one of everything the real one has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, Strict, model_validator

from asrtrain.config import Config, FilePath, OneOf, Range


class ShapeConfig(Config):
    """A shape."""

    name: str


class CircleConfig(ShapeConfig):
    """All points at one distance."""

    name: Literal["circle"] = "circle"
    radius: Annotated[float, Field(gt=0)] = 1.0
    """Distance from the middle."""
    filled: bool = False
    """Whether the inside belongs to it."""


class SquareConfig(ShapeConfig):
    """Four equal sides."""

    name: Literal["square"] = "square"
    side: Annotated[int, Field(gt=0, le=10)]
    """Length of a side."""
    filled: bool = False
    """Whether the inside belongs to it."""


SHAPES: dict[str, type[ShapeConfig]] = {"circle": CircleConfig, "square": SquareConfig}
AnyShape = Annotated[ShapeConfig, OneOf(SHAPES)]


class PaperConfig(Config):
    """What is drawn on."""

    width: Annotated[int, Field(gt=0)] = 210
    """In millimetres."""
    colour: Literal["white", "yellow"] = "white"
    """Colour of the paper."""
    margins: Range = (5.0, 10.0)
    """Smallest and largest margin | of all."""
    punch: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Strict(False)] = (20, 100)
    """Where the holes are."""
    title: str = ""
    """Printed at the top."""

    @model_validator(mode="after")
    def _holes_on_paper(self) -> Self:
        if any(hole > self.width for hole in self.punch):
            raise ValueError(f"a hole lies beyond the width of {self.width}; move it, or widen the paper")
        return self


def _one_is_a_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


class DrawingConfig(Config):
    """A drawing."""

    main: AnyShape = CircleConfig()
    """The shape in the middle."""
    frame: AnyShape | None = None
    """The shape around it."""
    others: Annotated[
        tuple[AnyShape, ...],
        Strict(False),
        BeforeValidator(_one_is_a_list, json_schema_input_type=AnyShape | list[AnyShape]),
    ] = ()
    """More shapes: one, or a list."""
    either: AnyShape | Annotated[tuple[AnyShape, ...], Strict(False)] | Literal["none"] = "none"
    """The same as a union, with a word beside it."""
    paper: PaperConfig = PaperConfig()
    """What it is drawn on."""
    scale: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    """Magnification."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Most shapes."""
    file: FilePath = Path("out.svg")
    """Where it goes."""
    names: dict[str, int] = Field(default={})
    """Free keys."""
