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

_TRAINED_FIRST = re.compile(rf"asrtrain fit {FOLDER}/(\w+)\.yaml --output (\S+)")


def shipped() -> dict[str, str]:
    """Each configuration's name, and the sentence that it begins with: what it is."""
    return {file.stem: _first_sentence(file.read_text(encoding="utf-8")) for file in sorted(_folder().glob("*.yaml"))}


def needed_first(text: str) -> list[tuple[str, str]]:
    """What has to be trained before a configuration of this text can be, such as the run that aligns its words.

    Returns:
        The names of configurations that come with asrtrain, and the commands that train them.
    """
    return [(found[1], found[0]) for found in _TRAINED_FIRST.finditer(text) if f": {found[2]}\n" in text]


def files_of(name: str) -> Iterator[tuple[Path, str]]:
    """A configuration, those that are trained before it, and the files of ``FOLDER`` that they name, with their texts.

    Raises UsageError.
    """
    if name not in shipped():
        raise UsageError(f"no configuration {name} comes with asrtrain: 'asrtrain config list' shows those that do")
    folder = _folder()
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    yield Path(FOLDER, f"{name}.yaml"), text
    for lexicon in sorted((folder / "lexicons").iterdir()):
        path = Path(FOLDER, "lexicons", lexicon.name)
        if path.as_posix() in text:
            yield path, lexicon.read_text(encoding="utf-8")
    for needed, _ in needed_first(text):
        yield from files_of(needed)


def _first_sentence(text: str) -> str:
    prose = takewhile(re.compile(r"# \S").match, text.splitlines())  # commands stand further in
    return re.split(r"[.:]$|\. ", " ".join(line.removeprefix("# ") for line in prose))[0] + "."


def _folder() -> Path:
    installed = Path(__file__).resolve().parents[1] / FOLDER
    return installed if installed.is_dir() else installed.parents[2] / FOLDER
