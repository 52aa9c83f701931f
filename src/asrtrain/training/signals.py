"""Ctrl-C and SIGTERM: the first asks to stop after this step, the second stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from asrtrain.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@final
class StopRequest:
    """Whether somebody has asked to stop, and with which signal."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Take note of a signal. Raises Interrupted if it is the second: saves are atomic, so nothing breaks."""
        if self.signal is not None:
            raise Interrupted("stopped at once; what was not saved is lost, the newest checkpoint is whole")
        self.signal = signal.Signals(number).name


@contextmanager
def listening() -> Iterator[StopRequest]:
    """Listen while training; the handlers that were there come back afterwards.

    Signals reach the main thread only, so in any other thread nothing is changed.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.signal(number, request.receive) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
