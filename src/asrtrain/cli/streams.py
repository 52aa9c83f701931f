"""The standard streams: they take every character, the terminal may go away, and lost results are told.

Python stops a program that writes a message to a terminal which is gone, and says nothing where standard output was
closed before it began. Here messages are optional and results are not.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO, cast, final

from asrtrain.errors import OutputLost, ReaderGone


@contextmanager
def prepared() -> Iterator[None]:
    """Inside the block the process's own streams are as said above; those that somebody has replaced stay."""
    output, errors = sys.stdout, sys.stderr
    _fill_closed()
    if output is sys.__stdout__:
        sys.stdout = _rebuilt(output, 1, _tell_loss)
    if errors is sys.__stderr__:
        sys.stderr = _rebuilt(errors, 2, _bear_loss)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = output, errors


def _fill_closed() -> None:
    """Give the numbers of closed streams to nothing: the next file to be opened would get them, and all messages."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest free number; what is written there fails
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - stays open as the others do


def _rebuilt(stream: TextIO | None, number: int, lost: Callable[[OSError], None]) -> TextIO:
    r"""The same stream, which writes what its encoding does not know as ``\xe9``, and answers failure with ``lost``."""
    if stream is not None:
        stream.flush()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return io.TextIOWrapper(
        cast(BinaryIO, _Raw(number, raw, lost)),  # without a buffer, which would try again what has failed
        encoding=stream.encoding if stream is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or stream is None or bool(stream.line_buffering),
        write_through=bool(getattr(stream, "write_through", False)),  # PYTHONUNBUFFERED, which ends line_buffering
    )


def _bear_loss(_: OSError) -> None:
    """A message that nobody can read."""


def _tell_loss(error: OSError) -> None:
    if error.errno == errno.EPIPE:
        raise ReaderGone from error
    raise OutputLost(f"standard output: {error.strerror}") from error


@final
class _Raw(io.RawIOBase):
    """A descriptor to write to; without ``raw`` it was closed from the beginning."""

    def __init__(self, number: int, raw: io.RawIOBase | None, lost: Callable[[OSError], None]) -> None:
        self._number, self._raw, self._lost = number, raw, lost

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return self._raw is not None and self._raw.isatty()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """All of it, or the answer to failure."""
        left = memoryview(data).cast("B")
        try:
            while left:
                left = left[self._write(left) :]
        except OSError as error:
            self._lost(error)
        return len(data)

    def _write(self, data: memoryview) -> int:
        written = self._raw.write(data) if self._raw is not None else os.write(self._number, data)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return written
