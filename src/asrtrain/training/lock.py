"""One writer a run folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor

from asrtrain.errors import UsageError
from asrtrain.files.writing import refuse_link
from asrtrain.training.durable import reporting_failure

_LOCK = ".lock"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it however the process ends. Raises UsageError if another holds it."""
    lock = FileLock(folder / _LOCK, blocking=False)
    with reporting_failure(folder):
        refuse_link(folder / _LOCK)
        try:
            lock.acquire()
        except Timeout as error:
            raise UsageError(f"another process is training in {folder}; choose another --output") from error
    try:
        yield
    finally:
        lock.release()


def forget(folder: Path) -> None:
    """Delete the lock of a folder that is held and is to be deleted itself."""
    (folder / _LOCK).unlink()


def is_held(folder: Path) -> bool:
    """Whether some process is training in the folder, which may be one that we can only read."""
    path = folder / _LOCK
    if not path.exists():
        return False
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True
    except OSError:
        with path.open("rb") as file:
            return not lock_descriptor(file.fileno(), blocking=False)
