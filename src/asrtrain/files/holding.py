"""Whether a temporary file or folder is still in a process's hands: the system lets go of it however that ends."""

from __future__ import annotations

import os
from pathlib import Path

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, which refuses to delete a file that is open

    def _hold(descriptor: int) -> None:
        """Nothing to do."""

else:

    def _hold(descriptor: int) -> None:
        flock(descriptor, LOCK_EX | LOCK_NB)


POSIX = os.name == "posix"
"""Folders can be opened, hence held and flushed, and files that are open can be renamed and deleted."""


def hold(descriptor: int) -> bool:
    """Take an open file or folder into this process's hands; False if it is in another's, or cannot be held."""
    try:
        _hold(descriptor)
    except OSError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether some process holds the file or folder; True where that cannot be told."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return True
    try:
        return not hold(descriptor)
    finally:
        os.close(descriptor)
