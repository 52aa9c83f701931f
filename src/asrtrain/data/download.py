"""Downloading a file: resumed, checksummed, with a progress bar."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, final
from urllib.parse import unquote, urlsplit

from asrtrain.errors import DataError
from asrtrain.files.names import safe_name
from asrtrain.files.reading import LARGEST_SETTINGS, read_text
from asrtrain.files.writing import open_to_append, write_file
from asrtrain.optional import optional

if TYPE_CHECKING:
    import requests

_ATTEMPTS = 3
_ROOM = 20
"""Bytes of a name that are left for the suffixes of a part."""
_BLOCK = 1 << 16
_TIMEOUT = 30
_PARTIAL = 206
_NOT_THAT_RANGE = 416
_SERVER_ERROR = 500
_UNCHANGED = ("ETag", "Last-Modified")


def fetch(url: str, folder: Path, checksum: str | None = None, *, progress: bool = True) -> Path:
    """Download into ``folder`` under the last name of the address, unless that file is there and right.

    What an interrupted download leaves is continued by the next call. ``checksum`` is ``sha256:…`` or ``md5:…``.
    Raises DataError, and UsageError where the libraries that download are not installed.
    """
    with optional("pooch", "downloading"):
        import pooch
    with optional("requests", "downloading"):
        import requests.exceptions  # noqa: F401 - pooch imports it, and so do we, when it is needed

    if urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"{url!r} is no address that files are fetched from: it has to begin with https:// or http://")
    name = _file_name(url)
    pooch.get_logger().setLevel("WARNING")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        downloader = _Resuming(folder / f"{name}.part", progress)
        return Path(pooch.retrieve(url, checksum, name, folder, downloader=downloader))
    except OSError as error:
        raise DataError(f"cannot write {folder / name}: {error.strerror or error}") from error
    except ValueError as error:  # of pooch, when the checksum is another
        raise DataError(f"{url}: {error}") from error


def sha256(file: Path) -> str:
    """The file's SHA-256, as ``fetch`` takes it. Raises OSError."""
    with optional("pooch", "checking downloads"):
        import pooch

    return f"sha256:{pooch.file_hash(str(file))}"


def _file_name(url: str) -> str:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return safe_name(re.sub(r"[^\w.+-]", "_", name).lstrip(".") or "download", _ROOM)


@final
class _Resuming:
    """A pooch downloader that keeps what it has in ``part``, and asks for the rest of the same file."""

    def __init__(self, part: Path, progress: bool) -> None:
        self._part = part
        self._progress = progress
        self._version = part.with_name(f"{part.name}.version")

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        import requests
        import urllib3

        for attempt in range(_ATTEMPTS):
            try:
                self._continue(url)
                break
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                if attempt == _ATTEMPTS - 1:
                    raise DataError(self._failure(url, error)) from error
        self._part.replace(output_file)
        self._version.unlink(missing_ok=True)

    def _failure(self, url: str, error: Exception) -> str:
        if not self._size():
            for leaving in (self._part, self._version):
                leaving.unlink(missing_ok=True)
            return f"cannot fetch {url}: {error}"
        kept = f"{self._size() >> 10} KiB of it are kept"
        return f"the download of {url} broke off: {error}; {kept}: run the command again to continue"

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _continue(self, url: str) -> None:
        import requests

        # Without compression on the way: the bytes are those of the file, and ranges count them.
        headers = {"Accept-Encoding": "identity"}
        if self._size() and self._version.exists():
            headers |= {
                "Range": f"bytes={self._size()}-",
                "If-Range": read_text(self._version, LARGEST_SETTINGS, DataError),
            }
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == _NOT_THAT_RANGE:
                self._part.unlink()
                raise requests.ConnectionError("the server has no more of the file: it begins anew")
            if response.status_code >= _SERVER_ERROR:
                raise requests.ConnectionError(f"the server answers {response.status_code} {response.reason}")
            if not response.ok:
                raise DataError(f"cannot fetch {url}: the server answers {response.status_code} {response.reason}")
            self._receive(response)

    def _receive(self, response: requests.Response) -> None:
        from tqdm import tqdm

        begin = self._size() if response.status_code == _PARTIAL else 0
        length = int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
        free = shutil.disk_usage(self._part.parent).free
        if length is not None and length > free:
            raise DataError(f"{response.url} needs {length >> 20} MiB more, but {self._part.parent} has {free >> 20}")
        if not begin:
            self._part.unlink(missing_ok=True)
            self._remember_version(response)
        total = None if length is None else begin + length
        with (
            open_to_append(self._part) as out,
            tqdm(
                total=total,
                initial=begin,
                unit="B",
                unit_scale=True,
                desc=self._part.stem,
                disable=None if self._progress else True,
            ) as bar,
        ):
            for block in response.raw.stream(_BLOCK, decode_content=False):
                out.write(block)
                bar.update(len(block))

    def _remember_version(self, response: requests.Response) -> None:
        """What tells this version of the file from another one; without that a download is never continued."""
        marks = [response.headers.get(name, "") for name in _UNCHANGED]
        mark = next((mark for mark in marks if mark and not mark.startswith("W/")), None)
        if mark:
            write_file(self._version, mark)
        else:
            self._version.unlink(missing_ok=True)
