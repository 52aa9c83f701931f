"""Importing what a command needs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from asrtrain.interrupts import held


@contextmanager
def without_collector() -> Iterator[None]:
    """For the first import of the package's own doings, which makes a million objects that stay.

    The garbage collector would go through all of them time and again, for a quarter of a second, and never find any.
    Nor does it later: they are out of its sight. A program that has loaded PyTorch itself is left alone.

    A Ctrl-C is answered when all is loaded: in the middle of it, native libraries that are half loaded abort the
    program, or say that they cannot be loaded twice.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        with held():
            yield
        gc.freeze()
    finally:
        gc.enable()
