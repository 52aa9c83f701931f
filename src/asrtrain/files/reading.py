"""The one door to files that are read whole: regular files of a size that their kind can have."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from asrtrain.errors import AsrtrainError

MIB = 1 << 20
LARGEST_SETTINGS = 4 * MIB
"""Bytes of JSON or of a line of a run's own: manifests of checkpoints, results, outcomes."""
LARGEST_LIST = 64 * MIB
"""Bytes of a list of ids, of the symbols of a vocabulary, of a pronouncing dictionary (CMUdict has 4)."""
LARGEST_MODEL = 1024 * MIB
"""Bytes of a language model in ARPA format."""
_WAITING = getattr(os, "O_NONBLOCK", 0)
"""A FIFO that no process writes to is opened at once, to be refused, where the system would wait for ever."""

_REASONS = {errno.ENOENT: "there is no such file", errno.EISDIR: "it is a folder; give a file"}


def read_file(path: Path, largest: int, error: type[AsrtrainError]) -> bytes:
    """The content of a regular file. Raises ``error``, in a sentence that begins with the path, for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _WAITING | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            _check(path, os.fstat(descriptor), largest, error)
            content = file.read(largest + 1)
    except (OSError, ValueError) as cause:
        raise error(f"{path}: cannot be read: {reason(cause)}") from cause
    if len(content) > largest:
        raise error(_too_large(path, len(content), largest))
    return content


def read_text(path: Path, largest: int, error: type[AsrtrainError]) -> str:
    """The text of a regular file in UTF-8, without a byte order mark. Raises ``error`` as ``read_file`` does."""
    content = read_file(path, largest, error)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = content.count(b"\n", 0, cause.start) + 1
        raise error(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from cause


def check_regular(path: Path, error: type[AsrtrainError]) -> None:
    """Raise ``error`` for what is not a regular file: to be asked before a library opens it."""
    try:
        _check(path, path.stat(), None, error)
    except (OSError, ValueError) as cause:
        raise error(f"{path}: cannot be read: {reason(cause)}") from cause


def reason(cause: OSError | ValueError) -> str:
    """Why a file cannot be opened, in words."""
    if isinstance(cause, OSError):
        return _REASONS.get(cause.errno or 0) or cause.strerror or str(cause)
    return "no file can have this name"


def _check(path: Path, status: os.stat_result, largest: int | None, error: type[AsrtrainError]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise error(f"{path}: cannot be read: {_REASONS[errno.EISDIR]}")
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{path}: is no regular file, but a device, a pipe or a socket; give a file on a disk")
    if largest is not None and status.st_size > largest:
        raise error(_too_large(path, status.st_size, largest))


def _too_large(path: Path, size: int, largest: int) -> str:
    return f"{path}: {size:,} bytes are too many for such a file; at most {largest:,} are read"
