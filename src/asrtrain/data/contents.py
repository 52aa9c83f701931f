"""What recordings are, by their content: copies are the same, and what was overwritten is another."""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from asrtrain.data.complaints import Complaint, raise_any
from asrtrain.data.kept_hashes import HASH, Hashes, KeptHashes, mixed
from asrtrain.data.stamps import Stamps, settled, stamp_of, stamps_of
from asrtrain.data.table import paths_of, sections_of
from asrtrain.data.tar_index import find_member
from asrtrain.errors import DataError
from asrtrain.types import Utterance

_BLOCK = 1 << 14


def fingerprint_of_recordings(utterances: Sequence[Utterance], cache: Path) -> str:
    """Changes when any of these parts of recordings does. Raises one DataError naming all that cannot be read."""
    return digest_of(content_hashes(utterances, cache), *sections_of(utterances))


def content_hashes(utterances: Sequence[Utterance], cache: Path) -> Hashes:
    """A hash of each recording (N, 16). Only files that may have changed since ``cache`` was told of them are read.

    Raises one DataError naming all recordings that cannot be read, or that something writes to.
    """
    missing: list[tuple[int, str]] = []
    stamps, folder = stamps_of(paths_of(utterances), missing)
    _raise(utterances, missing)
    kept = KeptHashes.open(cache, folder)
    hashes, known = kept.find(stamps)
    if known.all():
        return hashes
    unknown = np.flatnonzero(~known)
    _, firsts, which = np.unique(mixed(stamps[unknown]), return_index=True, return_inverse=True)
    firsts = unknown[firsts]
    now = time.time_ns()
    read = _read(utterances, firsts, stamps)
    hashes[unknown] = read[which.reshape(-1)]
    lasting = settled(stamps[firsts], now)
    if lasting.any():
        kept.keep(stamps[firsts][lasting], read[lasting])
    return hashes


def _read(utterances: Sequence[Utterance], places: npt.NDArray[np.int64], stamps: Stamps) -> Hashes:
    """The hashes of the recordings at these places."""
    hashes, missing = np.zeros((len(places), HASH), np.uint8), list[tuple[int, str]]()
    for row, place in enumerate(tqdm(places.tolist(), "hashing audio", unit="file", disable=None, leave=False)):
        path = utterances[place].audio
        try:
            hashes[row] = np.frombuffer(_hash(path), np.uint8, HASH)
            if stamp_of(str(path), {})[1:] != tuple(stamps[place, 1:].tolist()):
                raise DataError(f"{path}: something writes to it; run the command again when that has ended")
        except DataError as error:
            missing.append((place, str(error)))
    _raise(utterances, missing)
    return hashes


def _hash(path: Path) -> bytes:
    """SHA-256, which processors compute faster than any other of the standard library."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path}: not a regular file")
        with path.open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except NotADirectoryError:
        return hashlib.sha256(find_member(path).read()).digest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _raise(utterances: Sequence[Utterance], missing: Iterable[tuple[int, str]]) -> None:
    found = [(utterances[place], message) for place, message in missing]
    raise_any([Complaint("missing_audio", message, one.source, one.id) for one, message in found])


def digest_of(*columns: npt.NDArray[Any] | Iterable[str]) -> str:
    """SHA-256 of columns of numbers and of texts, in hexadecimal."""
    digest = hashlib.sha256()
    for column in columns:
        if isinstance(column, np.ndarray):
            digest.update(f"{column.dtype.str}{column.shape}".encode())
            digest.update(np.ascontiguousarray(column).data)
            continue
        for texts in _blocks(column):
            digest.update(np.fromiter(map(len, texts), np.int64).data)
            digest.update("".join(texts).encode(errors="surrogatepass"))
        digest.update(b"end")
    return digest.hexdigest()


def _blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while block := list(islice(rest, _BLOCK)):
        yield block
