"""Arrays in a file of the cache, which is made again when it turns out to be damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar, final

import numpy as np
import numpy.typing as npt
import torch

from asrtrain.errors import DataError
from asrtrain.features.cache import Columns, RaggedArray
from asrtrain.files.kept import DamagedError
from asrtrain.terminal import say

T = TypeVar("T")
Arrays = Iterable[tuple[int, npt.NDArray[np.float32]]]
"""Each with its number."""


@final
class KeptArrays:
    """What lies at ``path`` under ``key``, or else what ``make`` gives, written there first.

    What is damaged is never used: it is told, and all is made again, be it in the middle of an epoch. ``columns`` is
    asked for numbers to be kept beside the arrays, after the last of them was made.
    """

    def __init__(self, path: Path, key: str, make: Callable[[], Arrays], columns: Callable[[], Columns] = dict) -> None:
        self._path, self._key, self._make, self._columns = path, key, make, columns
        try:
            found = RaggedArray.open(path, key)
        except DamagedError as error:
            self._tell(error)
            found = None
        self._arrays: RaggedArray = found if found is not None else self._written()

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Of all arrays, in rows."""
        return self._arrays.lengths

    @property
    def columns(self) -> Columns:
        """What else is known of the arrays."""
        return self._arrays.columns

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, index: int) -> npt.NDArray[np.float32]:
        """One array (S,) or (T, F)."""
        return self._whole(lambda: self._arrays[index])

    def padded(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Some arrays as one tensor (B, S) or (B, T, F) float32, zero beyond each length, and the lengths (B,)."""
        return self._whole(lambda: self._arrays.padded(indices))

    def _whole(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except DamagedError as error:
            self._tell(error)
        self._arrays.close()
        self._arrays = self._written()
        try:
            return read()
        except DamagedError as error:
            raise DataError(
                f"{self._path} is damaged again as soon as it is written ({error}): let the cache lie on another disk "
                "(ASRTRAIN_CACHE)"
            ) from error

    def _written(self) -> RaggedArray:
        try:
            return RaggedArray.write(self._path, self._key, self._make(), self._columns)
        except OSError as error:
            raise DataError(f"the cache {self._path} cannot be written: {error.strerror}") from error
        except DamagedError as error:
            raise DataError(f"the cache {self._path} was damaged while it was written: {error}") from error

    def _tell(self, error: DamagedError) -> None:
        say(f"{self._path} is damaged ({error}): it is made again")
