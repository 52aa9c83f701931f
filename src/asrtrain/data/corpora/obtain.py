"""Getting a corpus into a folder: downloaded, unpacked from a local archive, or copied from another folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

from asrtrain.data.archives import extract
from asrtrain.data.corpora.interface import Archive, CorpusConfig
from asrtrain.data.corpora.reading import find_corpus, load_splits
from asrtrain.data.download import fetch, sha256
from asrtrain.data.new_folder import new_folder, refuse_occupied
from asrtrain.errors import DataError, UsageError


@final
@dataclass(frozen=True, slots=True)
class Obtained:
    """Where a corpus lies, and the checksums of the files that were downloaded without a published one."""

    folder: Path
    unverified: dict[str, str]


def get_corpus(
    name: str, output: Path, *, source: str | None = None, parts: Sequence[str] = (), progress: bool = True
) -> Obtained:
    """Get a corpus into ``output``, where ``CORPORA[name](folder=output)`` reads it.

    ``source`` is a local archive or folder, or an address; without one, the corpus's own archives are downloaded, all
    or the ``parts`` named. Parts that are there already are left as they are. Raises UsageError and DataError.
    """
    corpus = find_corpus(name)
    if source is None:
        return _download(corpus, output, _chosen(name, corpus, parts), progress)
    if source.startswith(("http://", "https://")):
        refuse_occupied(output)
        return _download(corpus, output, (Archive(source),), progress)
    refuse_occupied(output)
    if not (Path(source).is_dir() or Path(source).is_file()):
        raise DataError(f"{source}: no such file or folder")
    with _checked(corpus, source, output) as folder:
        if Path(source).is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True)
        else:
            extract(Path(source), folder)
    return Obtained(output, {})


def _chosen(name: str, corpus: type[CorpusConfig], parts: Sequence[str]) -> tuple[Archive, ...]:
    archives = corpus.card.archives
    if not archives:
        raise DataError(f"{name} cannot be downloaded from here: get it from {corpus.card.homepage}, then use --from")
    known = [archive.part for archive in archives if archive.part]
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise UsageError(f"{name} has no part {', '.join(unknown)}; it has {', '.join(known) or 'no parts'}")
    return tuple(archive for archive in archives if not parts or archive.part in parts)


def _download(corpus: type[CorpusConfig], output: Path, archives: Sequence[Archive], progress: bool) -> Obtained:
    unverified = {}
    # Beside the corpus, under a name that the next call finds again: a download that broke off is continued.
    downloads = output.with_name(f"{output.name}.download")
    with _kept_or_removed(downloads):
        for archive in archives:
            folder = output / archive.part
            if folder.is_dir() and any(folder.iterdir()):
                continue
            file = fetch(archive.url, downloads, archive.checksum, progress=progress)
            if archive.checksum is None:
                unverified[archive.url] = sha256(file)
            _unpack(corpus, archive, file, folder)
    return Obtained(output, unverified)


@contextmanager
def _kept_or_removed(downloads: Path) -> Iterator[None]:
    """Where getting a corpus fails, remove the folder of downloads if nothing is in it, else say where it is."""
    try:
        yield
    except DataError as error:
        _remove_if_empty(downloads)
        if downloads.is_dir():
            raise DataError(f"{error}; what was downloaded is kept in {downloads}, for the next try") from error
        raise
    except BaseException:  # Ctrl-C too
        _remove_if_empty(downloads)
        raise


def _unpack(corpus: type[CorpusConfig], archive: Archive, file: Path, folder: Path) -> None:
    try:
        with _checked(corpus, archive.url, folder) as unpacked:
            extract(file, unpacked)
    except DataError as error:
        # Where no checksum was published the download may be what is damaged: the next call makes it anew.
        if archive.checksum is None:
            _remove(file)
        raise DataError(str(error).replace(str(file), archive.url)) from error
    _remove(file)


def _remove(file: Path) -> None:
    file.unlink()
    _remove_if_empty(file.parent)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # it is not empty, or not there
        folder.rmdir()


@contextmanager
def _checked(corpus: type[CorpusConfig], source: str, output: Path) -> Iterator[Path]:
    """A new folder that becomes ``output`` if the corpus can be read from it."""
    with new_folder(output) as folder:
        yield folder
        with tempfile.TemporaryDirectory() as cache:
            try:
                load_splits(corpus, folder, Path(cache))
            except DataError as error:
                raise DataError(str(error).replace(str(folder), source)) from error
