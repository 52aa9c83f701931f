"""What a recogniser asks of its data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import final

from asrtrain.data.text import TextConfig
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.types import Hertz, Seconds

FrameCounts = Callable[[Sequence[Seconds]], Sequence[int]]
"""From durations to the numbers of scored frames, after the model's subsampling."""


@final
@dataclass(frozen=True, slots=True)
class Requirements:
    """What data is checked against; whatever is None is not checked.

    ``vocabulary`` has the symbols of the training texts; ``frame_counts`` is given where the objective is CTC;
    ``text`` is how texts are normalised before they are looked at.
    """

    sample_rate: Hertz | None = None
    vocabulary: Vocabulary | None = None
    frame_counts: FrameCounts | None = None
    text: TextConfig = field(default_factory=TextConfig)
