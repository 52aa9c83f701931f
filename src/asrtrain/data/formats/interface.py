"""What every manifest format is: a reader to entries and a writer of utterances."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from asrtrain.data.complaints import Complaint
from asrtrain.data.formats.entry import Entry
from asrtrain.data.formats.rows import Rows
from asrtrain.types import Utterance


@final
@dataclass(frozen=True, slots=True)
class ManifestFormat:
    """``read`` knows the syntax alone: it complains of lines it cannot divide and leaves the values to ``entry``.

    What it reads comes in parts: as columns where many lines are alike, as entries elsewhere.

    ``write`` raises DataError for utterances that the format cannot hold. ``copies_audio``: the format fixes where
    recordings lie, so writing it copies them there. ``quickly`` is another way to read, where lines do not stand
    alone; it raises IrregularError wherever the careful way has to be taken.
    """

    read: Callable[[Path, list[Complaint]], Iterator[Rows | list[Entry]]]
    write: Callable[[Sequence[Utterance], Path], None]
    copies_audio: bool = False
    quickly: Callable[[Path], Iterator[Rows]] | None = None
