"""Finding a corpus inside the folder somebody unpacked it into."""

from __future__ import annotations

from pathlib import Path
from typing import final

from asrtrain.errors import DataError

_DEPTH = 3


@final
class AbsentError(DataError):
    """The corpus, or the split asked for, is not in the folder at all."""


def locate(folder: Path, marker: str, corpus: str) -> Path:
    """The folder in which ``marker`` (a glob pattern) lies: ``folder`` itself, or one up to three levels below it.

    Raises AbsentError where there is none, and DataError where there is more than one.
    """
    if not folder.is_dir():
        raise AbsentError(f"no folder {folder}: get the corpus with `asrtrain data get {corpus} --output {folder}`")
    level = [folder]
    for _ in range(_DEPTH + 1):
        found = [place for place in level if any(place.glob(marker))]
        if len(found) > 1:
            raise DataError(f"{folder} holds {len(found)} corpora ({_listed(found)}): name the folder of one of them")
        if found:
            return found[0]
        level = [below for place in level for below in sorted(place.iterdir()) if below.is_dir()]
    raise AbsentError(f"{folder} is not in the layout of {corpus}: no {marker} in it or up to {_DEPTH} levels below")


def _listed(folders: list[Path]) -> str:
    shown = ", ".join(folder.name for folder in folders[:3])
    return shown if len(folders) <= 3 else f"{shown}, …"
