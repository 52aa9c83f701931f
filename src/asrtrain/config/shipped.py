"""The configurations that come with asrtrain, to start from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from asrtrain.errors import UsageError

FOLDER = "configs"
"""What their folder is called: in the package where it is installed, otherwise at the top of the repository. What they
name in it (a lexicon) they name relative to the working directory, which is therefore where a copy of it belongs.
"""


def shipped() -> dict[str, str]:
    """Each configuration's name, and the sentence that it begins with: what it is."""
    return {file.stem: _first_sentence(file.read_text(encoding="utf-8")) for file in sorted(_folder().glob("*.yaml"))}


def files_of(name: str) -> Iterator[tuple[Path, str]]:
    """A configuration, and the files of ``FOLDER`` that it names, each with its text. Raises UsageError."""
    if name not in shipped():
        raise UsageError(f"no configuration {name} comes with asrtrain: 'asrtrain config list' shows those that do")
    folder = _folder()
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    yield Path(FOLDER, f"{name}.yaml"), text
    for lexicon in sorted((folder / "lexicons").iterdir()):
        path = Path(FOLDER, "lexicons", lexicon.name)
        if path.as_posix() in text:
            yield path, lexicon.read_text(encoding="utf-8")


def _first_sentence(text: str) -> str:
    prose = takewhile(re.compile(r"# \S").match, text.splitlines())  # commands stand further in
    return re.split(r"[.:]$|\. ", " ".join(line.removeprefix("# ") for line in prose))[0] + "."


def _folder() -> Path:
    installed = Path(__file__).resolve().parents[1] / FOLDER
    return installed if installed.is_dir() else installed.parents[2] / FOLDER
