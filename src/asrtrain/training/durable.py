"""Files of a run: whole or absent, whatever happens while they are written; a failure says how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asrtrain.errors import TrainingError
from asrtrain.files import writing


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that its name appears only when its content is on the disk. Raises TrainingError."""
    with reporting_failure(path, len(content)):
        writing.write_file(path, content)


def point(link: Path, target: Path) -> None:
    """Let the name ``link`` mean its neighbour ``target`` from one moment to the next. Raises TrainingError."""
    with reporting_failure(link):
        writing.point(link, Path(target.name))


def make_folder(folder: Path) -> None:
    """Make a folder of a run, which may be no link. Raises TrainingError."""
    with reporting_failure(folder):
        writing.make_folder(folder)


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
