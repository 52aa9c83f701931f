"""What a recogniser asks of its data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

from asrtrain.data.text import TextConfig
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.types import Hertz, Seconds

FrameCounts = Callable[[Sequence[Seconds]], Sequence[int]]
"""From durations to the numbers of scored frames, after the model's subsampling."""

FramesNeeded = Callable[[Sequence[int]], int]
"""From symbols to the fewest scored frames that can be aligned with them."""


def ctc_frames(ids: Sequence[int]) -> int:
    """The fewest frames that CTC can align ``ids`` with: one each, and a blank between equal neighbours.

    Graves et al., "Connectionist temporal classification" (2006): equal labels in succession stay two only if a blank
    parts them.
    """
    return len(ids) + sum(left == right for left, right in pairwise(ids))


@final
@dataclass(frozen=True, slots=True)
class Requirements:
    """What data is checked against; whatever is None is not checked.

    ``vocabulary`` has the symbols of the training texts; ``frame_counts`` is given where these are aligned with frames,
    which takes ``frames_needed``; ``text`` is how texts are normalised before they are looked at.
    """

    sample_rate: Hertz | None = None
    vocabulary: Vocabulary | None = None
    frame_counts: FrameCounts | None = None
    frames_needed: FramesNeeded = ctc_frames
    text: TextConfig = field(default_factory=TextConfig)
