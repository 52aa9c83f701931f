"""How long a batch may be, padding included, so that one recording of an hour does not take all memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from asrtrain.errors import DataError
from asrtrain.types import Seconds

FAR = 10.0
"""Times the median: recordings beyond it are far longer than the rest."""
_ALONE = 5
"""The fewest utterances whose room a single recording may take."""
_LEAST: Seconds = 120.0
"""A batch may always be so long."""

Lengths = npt.NDArray[np.float64]


class BatchSettings(Protocol):
    """What the configuration says of batches."""

    @property
    def batch_size(self) -> int | None: ...
    @property
    def batch_seconds(self) -> Seconds | None: ...
    @property
    def batch_limit(self) -> Seconds | None: ...


def batch_limit(lengths: Lengths, settings: BatchSettings) -> Seconds:
    """The most padded audio in a batch: what the settings say, or else what batches of usual recordings never reach.

    That is ten times what a batch of recordings of median length has.
    """
    if settings.batch_limit is not None:
        return settings.batch_limit
    usual = max(settings.batch_size or 0, _ALONE) * float(np.median(lengths))
    return max(_LEAST, FAR * usual, FAR * (settings.batch_seconds or 0.0))


def batch_room(lengths: Lengths, settings: BatchSettings) -> Seconds:
    """The padded audio that batches are cut at; a longer recording is a batch of its own."""
    limit = batch_limit(lengths, settings)
    return limit if settings.batch_seconds is None else min(limit, settings.batch_seconds)


def refuse_longer(lengths: Lengths, names: Sequence[str], settings: BatchSettings) -> None:
    """Raise DataError for a recording that would be more than a batch by itself."""
    limit, longest = batch_limit(lengths, settings), int(lengths.argmax())
    if lengths[longest] > limit:
        raise DataError(
            f"{names[longest]}: lasts {lengths[longest]:.0f} s, and half of all recordings less than "
            f"{np.median(lengths):.2f} s: a batch may have {limit:.0f} s of padded audio. Cut it, leave it out, or set "
            f"training.batch_limit: {np.ceil(lengths[longest]):.0f}"
        )


def long_recordings(lengths: Lengths, names: Sequence[str]) -> Iterator[str]:
    """A sentence about recordings that are far longer than the rest, if there are any."""
    usual = float(np.median(lengths))
    far = np.flatnonzero(lengths > FAR * usual)
    if len(far):
        longest = int(lengths.argmax())
        yield (
            f"{len(far)} of {len(lengths)} recordings {'are' if len(far) > 1 else 'is'} far longer than the rest: "
            f"{names[longest]} lasts {lengths[longest]:.1f} s, half of all less than {usual:.2f} s: see that nothing "
            "else is in it, and cut it"
        )
