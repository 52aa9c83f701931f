"""How manifests write audio paths and texts."""

from __future__ import annotations

from pathlib import Path


def relative_audio(audio: Path, folder: Path) -> str:
    """The audio's path as seen from a manifest in ``folder`` if it lies below it, and its absolute path elsewhere."""
    audio = audio.absolute()
    return audio.relative_to(folder.absolute()).as_posix() if audio.is_relative_to(folder.absolute()) else str(audio)


def one_line(text: str) -> str:
    """A text for a line of a file: every stretch of white space is one space, as normalisation makes it anyhow."""
    return " ".join(text.split())
