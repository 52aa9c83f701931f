"""Tables that are read once: what a manifest or shards came to lies in the cache until they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from asrtrain.data.stored_table import open_table, store_table
from asrtrain.data.table import UtteranceTable
from asrtrain.files.kept import DamagedError
from asrtrain.terminal import say

WORTH_KEEPING = 10_000
"""Utterances; fewer are read anew as quickly."""


def kept(
    cache: Path, name: str, files: Iterable[Path], settings: Sequence[str | None], read: Callable[[], UtteranceTable]
) -> UtteranceTable:
    """The table under this name if none of the files has changed (path, size, times, inode), or else ``read`` and kept.

    A cache that cannot be written costs the time of reading again, nothing else.
    """
    seen = [[str(file.absolute()), *_status(file)] for file in files]
    key = hashlib.sha256(json.dumps([name, seen, settings]).encode()).hexdigest()
    path = cache / f"{name}-{key[:16]}.bin"
    try:
        table = open_table(path, key)
    except DamagedError as error:
        say(f"{path} is damaged ({error}): it is made again")
        table = None
    if table is None:
        table = read()
        if len(table) >= WORTH_KEEPING:
            with suppress(OSError):
                store_table(table, path, key)
    return table


def _status(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
