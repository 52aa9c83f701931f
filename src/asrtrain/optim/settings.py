"""The kinds of number that optimisers and schedules are configured with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
"""A learning rate, or a small number added to a divisor."""

NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
"""A weight decay, or a time in epochs."""

Decay = Annotated[float, Field(ge=0.0, lt=1.0)]
"""How much of a running mean is kept at each step."""

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
"""A part of the whole."""
