"""Reading a run's ``metrics.jsonl``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asrtrain.errors import DataError
from asrtrain.files.reading import LARGEST_SETTINGS, lines_of
from asrtrain.files.sealed import unseal_line

Row = dict[str, Any]


def read_rows(path: Path, kind: str) -> list[Row]:
    """The rows of one kind (``step`` or ``epoch``), in order. Raises DataError for a line that is no JSON object."""
    rows = []
    for number, line in enumerate(lines_of(path, LARGEST_SETTINGS, DataError), start=1):
        try:
            row = unseal_line(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}; the file is damaged, or was changed by hand") from error
        if row.get("kind") == kind:
            rows.append(row)
    return rows


def column(rows: Sequence[Row], key: str) -> npt.NDArray[np.float64]:
    """One figure of every row, NaN where it was not finite or there was none."""
    return np.array([float("nan") if row.get(key) is None else float(row[key]) for row in rows])
