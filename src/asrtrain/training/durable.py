"""Files that are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asrtrain.errors import TrainingError
from asrtrain.mapped import sync_folder


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that its name appears only when its content is on the disk.

    Temporary file in the same folder → write → fsync → rename → fsync of the folder. Raises TrainingError if that
    fails, and leaves no temporary file.
    """
    temporary = _temporary(path)
    with reporting_failure(path, len(content)):
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _temporary(path: Path) -> Path:
    # Hidden: a folder in which nothing else was left by a kill still counts as empty.
    return path.with_name(f".{path.name}.partial")


def point(link: Path, target: Path) -> None:
    """Let the name ``link`` mean its neighbour ``target`` from one moment to the next."""
    temporary = _temporary(link)
    with reporting_failure(link):
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target.name)
        temporary.replace(link)
        sync_folder(link.parent)


@contextmanager
def reporting_failure(path: Path, size: int = 0) -> Iterator[None]:
    """Turn a full disk, and its like, into one sentence."""
    try:
        yield
    except OSError as error:
        needs = f" ({size:,} bytes)" if size else ""
        raise TrainingError(
            f"{path}{needs} cannot be written: {error.strerror}. What was saved before is whole: put this right and "
            "run the same command again to continue"
        ) from error
