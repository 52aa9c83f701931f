"""Let the C library keep the memory that a training step frees: the next step wants as much again.

By default glibc gives every tensor of more than 32 MB, and the end of its heap, back to the system at once, which hands
out the same pages anew, cleared one by one: 75,000 page faults a step of a bidirectional LSTM, a fifth of its time.
``ASRTRAIN_ALLOCATOR=system`` leaves the C library alone.
"""

from __future__ import annotations

import os
import sys
from typing import Literal

from asrtrain.errors import UsageError

VARIABLE = "ASRTRAIN_ALLOCATOR"
Allocator = Literal["keep", "system"]

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""What mallopt calls its parameters (malloc.h of glibc)."""
_SETTINGS = ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, (1 << 31) - 1), (_TOP_PAD, 1 << 26))
"""Bytes from which a tensor is mapped by itself, left free before any are given back, and asked for in advance."""


def choose_allocator() -> Allocator:
    """Set the C library up for training, unless it is told not to, is not glibc, or PyTorch is loaded already.

    A program that loads PyTorch itself has its own use of memory: only the command line's own process is changed.
    Returns what is in force. Raises UsageError for a choice that does not exist.
    """
    chosen = os.environ.get(VARIABLE) or "keep"
    if chosen not in ("keep", "system"):
        raise UsageError(f"{VARIABLE}={chosen}: write keep, or system for the C library's own ways")
    if chosen == "system" or sys.platform != "linux" or "torch" in sys.modules:
        return "system"
    import ctypes

    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return "system"
    return "keep" if all(library.mallopt(parameter, size) for parameter, size in _SETTINGS) else "system"
