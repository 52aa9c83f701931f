"""Ctrl-C is obeyed wherever it arrives, and breaks nothing there.

Python raises KeyboardInterrupt between any two steps of the main thread. Where native code has called that step (a
callback, the end of an object's life), nobody can catch it: Python drops it, and what the step was there to do is lost.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SOON = 0.02
"""Seconds until a dropped Ctrl-C comes again: by then the step that has dropped it is over."""


@contextmanager
def held() -> Iterator[None]:
    """Signals inside the block are answered when it ends: for native calls that call back, which must be short.

    Signals reach the main thread only, so in any other thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    previous = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for answered in came:
            signal.raise_signal(answered)


@contextmanager
def obeyed() -> Iterator[None]:
    """Inside the block a Ctrl-C that Python drops comes again, until it is obeyed."""
    hook = sys.unraisablehook

    def again(dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            hook(dropped)
            return
        timer = threading.Timer(_SOON, _thread.interrupt_main)
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = hook


def is_behind(error: BaseException | None) -> bool:
    """Whether an error is what became of a Ctrl-C: libraries that are interrupted may raise something else."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
