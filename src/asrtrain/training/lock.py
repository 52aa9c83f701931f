"""One writer a run folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asrtrain.errors import UsageError
from asrtrain.files.writing import open_to_append
from asrtrain.training.durable import reporting_failure

_LOCK = ".lock"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it however the process ends. Raises UsageError if another holds it."""
    with reporting_failure(folder):
        file = open_to_append(folder / _LOCK)
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"another process is training in {folder}; choose another --output") from error
        yield


def is_held(folder: Path) -> bool:
    """Whether some process is training in the folder."""
    try:
        with (folder / _LOCK).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
