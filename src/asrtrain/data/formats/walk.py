"""Walking through a folder of recordings, so that what is not taken is known too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from asrtrain.data.complaints import Complaint
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.types import Source

_OTHER_AUDIO = (".3gp", ".ape", ".avi", ".mka", ".mkv", ".mov", ".pcm", ".raw", ".wv")
"""Recordings that are not read: they are complained of, as files that should have been something else."""
_HIDDEN = "hidden"
_UNDERSCORED = "with names that begin with an underscore"
_LINKS = "links to folders within a class"
_OTHERS = "of no kind of audio"
_EMPTY = "folders without recordings"


@final
@dataclass(slots=True)
class Walk:
    """What lies below ``root``: ``recordings``, and by reason what is left out; paths are relative to it, in order."""

    root: Path
    recordings: list[Path] = field(default_factory=list)
    left_out: dict[str, list[Path]] = field(default_factory=dict)

    @property
    def tops(self) -> list[str]:
        """The folders directly below the root that hold recordings."""
        return list(dict.fromkeys(path.parts[0] for path in self.recordings if len(path.parts) > 1))

    @property
    def others(self) -> list[Path]:
        """The files that are no recordings."""
        return self.left_out.get(_OTHERS, [])

    def remarks(self) -> Iterator[Complaint]:
        """A notice for each reason for which something is left out."""
        for reason, paths in self.left_out.items():
            some = ", ".join(path.as_posix() for path in paths[:3])
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            yield Complaint("left_out", f"{len(paths)} {reason}: {some}{more}", Source(self.root))

    def leave_out(self, reason: str, path: Path) -> None:
        """Remember that a path is not taken."""
        self.left_out.setdefault(reason, []).append(path)


def walk(root: Path) -> Walk:
    """Walk through a folder. Raises OSError.

    A folder directly below it may be a link; links to folders further down are not followed: they may lead in circles.
    """
    found = Walk(root)
    _enter(root, found, Path())
    return found


def _enter(folder: Path, found: Walk, within: Path) -> None:
    before = len(found.recordings)
    for path in sorted(folder.iterdir()):
        place = within / path.name
        if path.name.startswith("."):
            found.leave_out(_HIDDEN, place)
        elif path.name.startswith("_"):
            found.leave_out(_UNDERSCORED, place)
        elif not path.is_dir():
            taken = path.suffix.lower() in AUDIO_SUFFIXES + _OTHER_AUDIO
            found.recordings.append(place) if taken else found.leave_out(_OTHERS, place)
        elif within.parts and path.is_symlink():
            found.leave_out(_LINKS, place)
        else:
            _enter(path, found, place)
    if within.parts and len(found.recordings) == before:
        found.leave_out(_EMPTY, within)
