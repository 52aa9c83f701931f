"""Which part of the work is this job's, where several jobs share it without knowing of each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, final

from asrtrain.errors import UsageError

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``number`` (from 1) of ``count``: items number, number + count, … of all, so that parts are alike."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str | None) -> Shard:
        """``2/8``; everything if nothing is said. Raises UsageError."""
        if text is None:
            return cls()
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.count:
            raise UsageError(f"--shard {text}: give a part and the number of parts, from 1/8 to 8/8 for example")
        return shard

    def __str__(self) -> str:
        """As it is parsed; nothing if it is all."""
        return "" if self.count == 1 else f"{self.number}/{self.count}"

    def of(self, items: Sequence[T]) -> list[T]:
        """This part."""
        return list(items[self.number - 1 :: self.count])

    def named(self, name: str) -> str:
        """What to call something of this part: ``test-2-of-8``; the name alone if it is all."""
        return name if self.count == 1 else f"{name}-{self.number}-of-{self.count}"
