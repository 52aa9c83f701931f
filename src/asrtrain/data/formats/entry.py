"""One utterance as a manifest has it, and its reading: what is the same in every format."""

from __future__ import annotations

import math
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import final

from asrtrain.data import ffmpeg
from asrtrain.data.complaints import Complaint
from asrtrain.data.interface import AUDIO_SUFFIXES, FFMPEG_SUFFIXES
from asrtrain.data.recordings import size_of
from asrtrain.errors import DataError
from asrtrain.types import Seconds, Source, Utterance

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|data:", re.IGNORECASE)
_UNWRITABLE = re.compile("[\\0\ud800-\udfff]")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
"""How Python writes bytes of a file's name that are no UTF-8."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

MOST_SECONDS: Seconds = 1e8
"""Later than this no recording has a part; and sample frames are counted in 64 bits."""


class MalformedError(ValueError):
    """What is wrong with a value; becomes a complaint."""

    def __init__(self, message: str, kind: str = "malformed") -> None:
        super().__init__(message)
        self.kind = kind


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """The values as written. Without an ``id``, the audio's path (less its suffix) names the utterance.

    ``text_source`` is where the text stands, if not in the same line as the audio.
    """

    source: Source
    audio: str
    text: str
    id: str = ""
    speaker: str = ""
    duration: str | float | None = None
    offset: str | float | None = None
    text_source: Source | None = None


def utterance_of(entry: Entry, folder: Path, complaints: list[Complaint]) -> Utterance | None:
    """Check an entry and find its audio, relative to ``folder``; None, and complaints, if anything is wrong."""
    before = len(complaints)
    audio = duration = None
    offset: Seconds = 0.0
    try:
        _check_characters(entry)
        audio = audio_path(entry.audio, folder)
        duration = _seconds("duration", entry.duration, positive=True)
        offset = _seconds("offset", entry.offset, positive=False) or 0.0
    except MalformedError as error:
        complaints.append(Complaint(error.kind, str(error), entry.source, entry.id))
    text = entry.text.strip()
    if not text:
        message = "the text is empty: write what is said, or remove the line"
        complaints.append(Complaint("empty_text", message, entry.text_source or entry.source, entry.id))
    if audio is None or len(complaints) > before:
        return None
    name = entry.id or default_id(entry.audio, offset)
    return Utterance(name, audio, text, entry.speaker, duration, offset, entry.source)


def default_id(audio: str, offset: Seconds) -> str:
    """The audio's path as written, less its suffix; for a part of a recording, ``@`` and where it begins."""
    name = Path(audio).with_suffix("").as_posix()
    return f"{name}@{offset!r}" if offset else name


def audio_path(written: str, folder: Path) -> Path:
    """The file that a manifest names. Raises MalformedError for anything but an existing file of a readable kind."""
    if not written:
        raise MalformedError("no audio file is named")
    if written.startswith("|") or written.endswith("|"):
        raise MalformedError(
            f"{written!r} is a command; commands in data are never run: convert the audio to files first"
        )
    if _URL.match(written):
        raise MalformedError(f"{written!r} is an address; audio is read from files only: download it first")
    path = folder / written
    if path.suffix.lower() not in AUDIO_SUFFIXES:
        raise MalformedError(f"{written!r} is not a kind of audio that is read ({', '.join(AUDIO_SUFFIXES)})")
    if path.suffix.lower() in FFMPEG_SUFFIXES and not ffmpeg.is_installed():
        raise MalformedError(f"{written!r}: {ffmpeg.advice(written)}")
    try:
        status = path.stat()
    except NotADirectoryError:
        return _member(path)
    except FileNotFoundError:
        raise MalformedError(f"the audio file {path} does not exist", "missing_audio") from None
    except (OSError, ValueError) as error:
        raise MalformedError(f"cannot open the audio file {str(path)[:200]!r}: {error}", "missing_audio") from error
    if not stat.S_ISREG(status.st_mode):
        raise MalformedError(f"{path} is not a file", "missing_audio")
    if status.st_size == 0:
        raise MalformedError(f"the audio file {path} is empty (0 bytes)", "empty_audio")
    return path


def _member(path: Path) -> Path:
    """A recording within a tar file."""
    try:
        if size_of(path) == 0:
            raise MalformedError(f"the audio file {path} is empty (0 bytes)", "empty_audio")
    except DataError as error:
        raise MalformedError(str(error), "missing_audio") from None
    return path


def _seconds(name: str, written: str | float | None, *, positive: bool) -> Seconds | None:
    if written is None or written == "":
        return None
    try:
        value = float(written)
    except (ValueError, OverflowError):
        raise MalformedError(f"the {name} {str(written)[:40]!r} is not a number of seconds") from None
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        raise MalformedError(
            f"the {name} {written!r} is not a {'positive' if positive else 'non-negative'} number of seconds"
        )
    if value > MOST_SECONDS:
        raise MalformedError(f"the {name} {str(written)[:40]} is more than {MOST_SECONDS:,.0f} seconds, three years")
    return value


def _check_characters(entry: Entry) -> None:
    for name, value in (
        ("id", entry.id),
        ("speaker", entry.speaker),
        ("text", entry.text),
        ("audio path", entry.audio),
    ):
        if name == "audio path" and _NOT_UTF8.search(value):
            raise MalformedError(f"the {name} {value!r} is not UTF-8, which manifests are written in: rename the file")
        if _UNWRITABLE.search(value):
            raise MalformedError(f"the {name} {value!r} holds a NUL or half a character")
        if name != "text" and _CONTROL.search(value):
            raise MalformedError(f"the {name} {value!r} holds a tab, line break or control character")
