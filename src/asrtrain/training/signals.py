"""Ctrl-C and SIGTERM: the first asks to stop after this step (several processes: or the next), the second at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from asrtrain.errors import Interrupted
from asrtrain.types import Seconds

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@final
class StopRequest:
    """Whether somebody has asked to stop, and with which signal.

    Within ``grace`` seconds, more of the same is one request: launchers pass on what the terminal has sent already.
    """

    def __init__(self, grace: Seconds = 0.0) -> None:
        self.signal: str | None = None
        self._grace = grace
        self._asked = 0.0

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Take note of a signal. Raises Interrupted if it is the second: saves are atomic, so nothing breaks."""
        if self.signal is None:
            self.signal, self._asked = signal.Signals(number).name, time.monotonic()
        elif time.monotonic() - self._asked >= self._grace:
            raise Interrupted("stopped at once; what was not saved is lost, the newest checkpoint is whole")


@contextmanager
def listening(grace: Seconds = 0.0) -> Iterator[StopRequest]:
    """Listen while training; the handlers that were there come back afterwards.

    Where somebody listens already, it is to the same request, made before or not. Signals reach the main thread only,
    so in any other thread nothing is changed.
    """
    outer = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    if isinstance(outer, StopRequest):
        yield outer
        return
    request = StopRequest(grace)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.signal(number, request.receive) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
