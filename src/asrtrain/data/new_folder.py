"""A folder that appears complete or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asrtrain.errors import DataError
from asrtrain.files.writing import clear_leavings, folder_beside


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder on the same file system, which becomes ``folder`` when the block ends without an error.

    A non-empty ``folder`` that somebody else made meanwhile is left as it is, and the temporary one is dropped.
    Raises DataError where the disk refuses (no permission, no space).
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        clear_leavings(folder.parent)
        with folder_beside(folder) as temporary:
            # One level down, because the temporary folder itself is private to its user.
            complete = temporary / "complete"
            complete.mkdir()
            yield complete
            _become(complete, folder)
    except OSError as error:
        raise DataError(f"cannot make the folder {folder}: {error.strerror or error}") from error


def refuse_occupied(folder: Path) -> None:
    """Raise DataError for what is there already, an empty folder excepted."""
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
        raise DataError(f"{folder} exists already: name another folder, or delete it first")


def _become(complete: Path, folder: Path) -> None:
    try:
        complete.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(complete)
