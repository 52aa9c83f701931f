"""Step records as columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asrtrain.training import StepRecord


def of_steps(steps: Sequence[StepRecord], key: str) -> npt.NDArray[np.float64]:
    """One figure of every step, NaN where it was not finite or there was none."""
    values = (getattr(row, key) for row in steps)
    return np.array([np.nan if value is None else float(value) for value in values])
