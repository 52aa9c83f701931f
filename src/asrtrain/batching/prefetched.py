"""Something to do while others are waited for: the next batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar, final

T = TypeVar("T")


@final
class Prefetched(Generic[T]):
    """An iterator whose next element can be made before it is asked for, by ``prepare``."""

    def __init__(self, elements: Iterable[T]) -> None:
        self._rest = iter(elements)
        self._ready: list[T] = []

    def prepare(self) -> None:
        """Make the next element, if there is one, and it is not there yet."""
        if not self._ready:
            self._ready = list(islice(self._rest, 1))

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        self.prepare()
        if not self._ready:
            raise StopIteration
        return self._ready.pop()
