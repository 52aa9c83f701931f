"""The one way to write a file: it is whole or absent under its name, and nothing is written through a link.

A random hidden name in the same folder → write → fsync → rename → fsync of the folder. The rename replaces a link that
somebody put at the name. The random name keeps others from putting one at the temporary file's.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from asrtrain.files.holding import POSIX, hold, is_held

PARTIAL = ".partial"
_RANDOM = 8
"""Bytes of a temporary name that nobody can guess."""
_NEVER_A_LINK = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
"""Nor a FIFO to wait at."""
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NEVER_A_LINK
_LONGEST_START = 200
"""Bytes of a file's name that its temporary name begins with; 255 is the most that a name may have."""


def write_file(path: Path, content: bytes | str) -> None:
    """Write a small file; text becomes UTF-8. Raises OSError, which names the file, and then leaves nothing behind."""
    with appearing_whole(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def appearing_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which appears under its name when the block ends and all is on the disk.

    What is raised in the block leaves nothing behind. Raises OSError, which names the file.
    """
    with _naming(path):
        _refuse_special(path)
        temporary, descriptor = _new_beside(path)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if POSIX:  # Renamed while it is held, or it might be taken for a leaving in the moment before.
                    temporary.replace(path)
            if not POSIX:
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write at once under its name, where nothing may be yet: for a folder that nobody else sees so far.

    Raises OSError, which names the file.
    """
    with _naming(path), os.fdopen(os.open(path, _NEW, 0o666), "w+b") as file:
        yield file


def open_to_append(path: Path) -> IO[bytes]:
    """A file to write on at its end. Raises OSError, which names the file: where it is a link, too."""
    with _naming(path):
        refuse_link(path)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NEVER_A_LINK, 0o666), "ab")


def cut_file(path: Path, size: int) -> None:
    """Cut a file to a number of bytes. Raises OSError, which names the file: where it is a link, too."""
    with _naming(path):
        refuse_link(path)
        descriptor = os.open(path, os.O_WRONLY | _NEVER_A_LINK)
        try:
            os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder inside of one of ours, if it is not there, and clear what killed processes left in it.

    Raises OSError where a link stands in its place.
    """
    with _naming(folder):
        refuse_link(folder)
        folder.mkdir(parents=True, exist_ok=True)
    clear_leavings(folder)


def point(link: Path, target: Path) -> None:
    """Let the name ``link`` mean ``target``, relative to its folder, from one moment to the next. Raises OSError."""
    with _naming(link):
        temporary = _unused_name(link)
        temporary.symlink_to(target)
        try:
            temporary.replace(link)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(link.parent)


@contextmanager
def folder_beside(folder: Path) -> Iterator[Path]:
    """A temporary folder on the same file system, private to its user, which is deleted when the block ends."""
    temporary = _unused_name(folder)
    temporary.mkdir(mode=0o700)
    held = os.open(temporary, os.O_RDONLY) if POSIX else None
    if held is not None:
        hold(held)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if held is not None:
            os.close(held)


def clear_leavings(folder: Path) -> None:
    """Delete the temporary files and folders of processes that were killed. A folder that cannot be read is left."""
    with suppress(OSError):
        for entry in folder.glob(f".*.{'[0-9a-f]' * 2 * _RANDOM}{PARTIAL}"):
            if entry.is_symlink():
                entry.unlink()
            elif entry.is_dir():
                if POSIX and not is_held(entry):
                    shutil.rmtree(entry, ignore_errors=True)
            elif not is_held(entry):
                entry.unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename last: the folder's entries are flushed apart from the file's content, where a system can do so."""
    if not POSIX:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _new_beside(path: Path) -> tuple[Path, int]:
    """A new temporary file, and its descriptor."""
    while True:
        temporary = _unused_name(path)
        descriptor = os.open(temporary, _NEW, 0o666)
        hold(descriptor)
        if temporary.exists():
            return temporary, descriptor
        os.close(descriptor)  # Another process has cleared it away in the moment before it was held.


def _unused_name(path: Path) -> Path:
    if path.name in ("", ".."):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    # Hidden: a folder in which nothing else was left by a kill still counts as empty.
    start = os.fsdecode(os.fsencode(path.name)[:_LONGEST_START])
    return path.with_name(f".{start}.{secrets.token_hex(_RANDOM)}{PARTIAL}")


def refuse_link(path: Path) -> None:
    """Before opening: O_NOFOLLOW does the same without a gap, where there is one, but with a riddle of a message."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "is a link, and nothing is written through links: remove it", str(path))


def _refuse_special(path: Path) -> None:
    """The rename would put a file in the place of a device, such as /dev/null, or of a pipe that others read."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EEXIST, "is a device or a pipe, which no file may replace: name a file", str(path))


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors name the file that was meant: not the temporary one, and not none (of a full disk)."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(PARTIAL):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
