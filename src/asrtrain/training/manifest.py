"""A folder of files and the hashes that prove it whole, written last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from asrtrain.errors import CheckpointError
from asrtrain.files.json_text import parse_json
from asrtrain.files.reading import LARGEST_SETTINGS, read_file
from asrtrain.files.writing import sync_folder
from asrtrain.training.durable import make_folder, reporting_failure, write_file

MANIFEST = "manifest.json"


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a new folder, then their manifest. Until the manifest is there, the folder counts as nothing."""
    make_folder(folder.parent)
    with reporting_failure(folder):
        folder.mkdir()
        sync_folder(folder.parent)
    for name, content in files.items():
        write_file(folder / name, content)
    write_file(folder / MANIFEST, _manifest(files))


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files that the manifest names. Raises CheckpointError, saying what, unless each is bit for bit as written.

    The manifest is made anew from the files and compared whole: so damage to itself shows too.
    """
    if folder.is_dir() and not (folder / MANIFEST).exists():
        raise CheckpointError(f"{folder} is incomplete: saving it was interrupted")
    try:
        written = read_file(folder / MANIFEST, LARGEST_SETTINGS, CheckpointError)
        entries = parse_json(written)["files"].items()
        sizes = {_plain(name): int(entry["bytes"]) for name, entry in entries}
        files = {name: read_file(folder / name, size, CheckpointError) for name, size in sizes.items()}
    except CheckpointError as error:
        raise CheckpointError(f"{folder} is damaged: {error}") from error
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{folder} is damaged: {MANIFEST} cannot be read") from error
    if _manifest(files) != written:
        raise CheckpointError(f"{folder} is damaged: its files do not match the hashes in {MANIFEST}")
    return files


def _plain(name: str) -> str:
    if name != Path(name).name:
        raise ValueError(f"{MANIFEST} names {name!r}, which lies elsewhere")
    return name


def _manifest(files: Mapping[str, bytes]) -> bytes:
    entries = {name: {"bytes": len(content), "sha256": _hash(content)} for name, content in sorted(files.items())}
    return (json.dumps({"format": 1, "files": entries}, indent=1) + "\n").encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
