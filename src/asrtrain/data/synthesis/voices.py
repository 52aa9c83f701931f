"""Which of espeak-ng's voices speak in training, and which are held out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from asrtrain.errors import DataError

VoiceSplit = Literal["train", "held_out", "all"]

HELD_OUT = frozenset(
    (
        *("Andrea", "Michael", "benjamin", "boris", "f4", "grandpa", "klatt3"),
        *("linda", "m4", "pablo", "steph", "steph2", "steph3"),
    )
)
"""An eighth of the variants: women, men, formant and Klatt synthesis; near-copies (steph…) stay on one side."""


def choose_variants(present: Sequence[str], wanted: Collection[str] | None, split: VoiceSplit) -> list[str]:
    """The variants of the split, in the order of ``present``, of those ``wanted`` (None: all). Raises DataError."""
    unknown = sorted(set(wanted or ()) - set(present))
    if unknown:
        raise DataError(f"espeak-ng has no variant {', '.join(unknown)}; it has {', '.join(present)}")
    chosen = [
        variant
        for variant in present
        if (wanted is None or variant in wanted) and (split == "all" or (variant in HELD_OUT) == (split == "held_out"))
    ]
    if not chosen:
        raise DataError(f"no variant is left in the split {split}; those held out are {', '.join(sorted(HELD_OUT))}")
    return chosen
