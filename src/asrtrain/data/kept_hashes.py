"""Hashes of recordings that were read once, each trusted as long as its file's stamp is the one it was made at.

The file has a column a part of the stamp and one of hashes, sorted by what all parts come to: 60 bytes a recording.
"""

from __future__ import annotations

import hashlib
import zlib
from contextlib import suppress
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt

from asrtrain.data.stamps import Stamps
from asrtrain.files.kept import HEADER, DamagedError, KeptFile, pack_header, writing_kept
from asrtrain.terminal import say

HASH = 16
"""Bytes."""
Hashes = npt.NDArray[np.uint8]
"""(N, 16)."""

_MAGIC = b"ASRHASH1"
_ROW = 5 * 8 + HASH
_ODD = np.uint64(0x9E3779B97F4A7C15)


@final
class KeptHashes:
    """The hashes of the recordings in a folder."""

    def __init__(self, path: Path, stamps: Stamps, hashes: Hashes) -> None:
        self._path, self._stamps, self._hashes = path, stamps, hashes

    @classmethod
    def open(cls, cache: Path, folder: str) -> KeptHashes:
        """What is known of a folder's recordings; nothing where there is no file, or a damaged one, which is told."""
        path = cache / f"recordings-{hashlib.sha256(folder.encode(errors='surrogateescape')).hexdigest()[:16]}.bin"
        content, count = b"", 0
        try:
            kept = KeptFile.open(path, _MAGIC)
            if kept is not None:
                count = kept.header["recordings"]
                content = kept.read(HEADER, count * _ROW, kept.header["crc"])
        except DamagedError as error:
            say(f"{path} is damaged ({error}): recordings are read again")
            content, count = b"", 0
        stamps = np.frombuffer(content, np.int64, 5 * count).reshape(5, count).T
        return cls(path, stamps, np.frombuffer(content, np.uint8, offset=40 * count).reshape(count, HASH))

    def find(self, stamps: Stamps) -> tuple[Hashes, npt.NDArray[np.bool_]]:
        """The hashes of recordings, and whether they are known."""
        hashes, known = np.zeros((len(stamps), HASH), np.uint8), np.zeros(len(stamps), bool)
        if len(self._stamps):
            wanted = mixed(stamps)
            order = np.argsort(wanted)
            places = np.searchsorted(mixed(self._stamps), wanted[order]).clip(max=len(self._stamps) - 1)
            known[order] = (self._stamps[places] == stamps[order]).all(axis=1)
            hashes[order] = self._hashes[places]
        return hashes, known

    def keep(self, stamps: Stamps, hashes: Hashes) -> None:
        """Remember these too, in place of what was known of the same paths.

        A cache that cannot be written costs the time of reading again, nothing else.
        """
        others = ~np.isin(self._stamps[:, 0], stamps[:, 0])
        stamps = np.concatenate([self._stamps[others], stamps])
        hashes = np.concatenate([self._hashes[others], hashes])
        values, places = np.unique(mixed(stamps), return_index=True)
        content = np.ascontiguousarray(stamps[places].T).tobytes() + hashes[places].tobytes()
        header = {"recordings": len(values), "crc": zlib.crc32(content), "bytes": HEADER + len(content)}
        with suppress(OSError), writing_kept(self._path) as file:
            file.write(pack_header(_MAGIC, header))
            file.write(content)


def mixed(stamps: Stamps) -> npt.NDArray[np.uint64]:
    """One number of all parts of a stamp, to find it by."""
    found = np.zeros(len(stamps), np.uint64)
    for column in stamps.T:
        found = (found ^ np.ascontiguousarray(column).view(np.uint64)) * _ODD
        found ^= found >> np.uint64(29)
    return found
