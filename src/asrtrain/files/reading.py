"""The one door to files that are read whole: regular files of a size that their kind can have."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO, cast

from asrtrain.errors import AsrtrainError

MIB = 1 << 20
LARGEST_SETTINGS = 4 * MIB
"""Bytes of JSON or of a line of a run's own: manifests of checkpoints, results, outcomes."""
LARGEST_LIST = 64 * MIB
"""Bytes of a list of ids, of the symbols of a vocabulary, of a pronouncing dictionary (CMUdict has 4)."""
LARGEST_TEXT = 1024 * MIB
"""Bytes of a language model in ARPA format, or of a table with a line for each utterance."""
_WAITING = getattr(os, "O_NONBLOCK", 0)
"""A FIFO that no process writes to is opened at once, to be refused, where the system would wait for ever."""

_REASONS = {errno.ENOENT: "there is no such file", errno.EISDIR: "is a folder; give a file"}


def open_regular(path: Path) -> IO[bytes]:
    """A regular file, unbuffered, to be read. Raises OSError, also for what is no regular file."""
    descriptor = os.open(path, os.O_RDONLY | _WAITING | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb", buffering=0)
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is no regular file, but a device, a pipe or a socket; give a file", str(path))


def read_file(path: Path, largest: int, error: type[AsrtrainError]) -> bytes:
    """The content of a regular file. Raises ``error``, in a sentence that begins with the path, for anything else."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > largest:
                raise error(_too_large(path, f"{size:,}", largest))
            content = _read(file, largest)
    except (OSError, ValueError) as cause:
        raise error(f"{path}: {_reason(cause)}") from cause
    if len(content) > largest:  # It grows while it is read.
        raise error(_too_large(path, f"more than {largest:,}", largest))
    return content


def read_stream(path: Path, largest: int, error: type[AsrtrainError]) -> bytes:
    """The content of a file, or of a pipe such as ``/dev/stdin`` and the shell's ``<(…)``. Raises ``error``.

    A FIFO that no process writes to is empty.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _WAITING | getattr(os, "O_BINARY", 0))
        if _WAITING:
            os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            content = _read(file, largest)
    except (OSError, ValueError) as cause:
        raise error(f"{path}: {_reason(cause)}") from cause
    if len(content) > largest:
        raise error(_too_large(path, f"more than {largest:,}", largest))
    return content


def lines_of(path: Path, longest: int, error: type[AsrtrainError]) -> Iterator[bytes]:
    """The lines of a regular file, however many, each with its end. Raises ``error`` for a line that is too long."""
    try:
        with open_regular(path) as raw, io.BufferedReader(cast(io.RawIOBase, raw)) as file:
            for number in count(1):
                line = file.readline(longest + 1)
                if len(line) > longest:
                    raise error(f"{path}:{number}: more than {longest:,} bytes in a line: the file is damaged")
                if not line:
                    return
                yield line
    except (OSError, ValueError) as cause:
        raise error(f"{path}: {_reason(cause)}") from cause


def read_text(path: Path, largest: int, error: type[AsrtrainError]) -> str:
    """The text of a regular file in UTF-8, without a byte order mark. Raises ``error`` as ``read_file`` does."""
    content = read_file(path, largest, error)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = content.count(b"\n", 0, cause.start) + 1
        raise error(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from cause


def _reason(cause: OSError | ValueError) -> str:
    """Why a file cannot be opened, in words."""
    if not isinstance(cause, OSError):
        return "cannot be read: no file can have this name"
    return _REASONS.get(cause.errno or 0) or f"cannot be read: {cause.strerror or cause}"


def _read(file: IO[bytes], largest: int) -> bytes:
    """All of a file, and one byte more than the most if there are more."""
    blocks, left = [], largest + 1
    while left and (block := file.read(min(left, MIB))):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def _too_large(path: Path, size: str, largest: int) -> str:
    return f"{path}: {size} bytes are too many for such a file; at most {largest:,} are read"
