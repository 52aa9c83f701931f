"""Recordings in containers of films and telephones, decoded by the program ffmpeg where it is installed.

It runs without a shell, with fixed arguments: the container is the one that the first bytes tell, nothing but the file
is opened, no network, and what it writes has a bound.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from asrtrain.errors import DataError

_DEMUXERS: Mapping[tuple[int, bytes], tuple[str, str]] = {
    (4, b"ftyp"): ("mov", "MP4 (m4a, mp4)"),
    (0, b"\x1a\x45\xdf\xa3"): ("matroska", "WebM"),
    (0, b"#!AMR"): ("amr", "AMR"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"): ("asf", "Windows Media"),
    (0, b"\xff\xf1"): ("aac", "AAC"),
    (0, b"\xff\xf9"): ("aac", "AAC"),
}
"""ffmpeg's name of a container and ours, by the bytes it begins with and their place."""

_MOST = 2 << 30
"""Bytes of float32 that are decoded at most: 93 minutes of 48 kHz stereo, 9 hours of 16 kHz mono."""
_PATIENCE = 600.0
"""Seconds that a recording may take."""
_CUT = ("partial file", "ended prematurely", "truncat", "moov atom not found", "Invalid data found")
"""What ffmpeg says of a file that is not all there, and then decodes the beginning."""


def container_of(head: bytes) -> tuple[str, str] | None:
    """Ffmpeg's name of the container that begins with these bytes, and ours; None for all others."""
    found = (names for (place, magic), names in _DEMUXERS.items() if head[place:].startswith(magic))
    return next(found, None)


def is_installed() -> bool:
    """Whether the program is in PATH."""
    return shutil.which("ffmpeg") is not None


def advice(name: str) -> str:
    """What to do without it."""
    wav = Path(name).with_suffix(".wav").name
    return f"ffmpeg decodes it, which is not in PATH: install it, or convert: ffmpeg -i {Path(name).name} {wav}"


@contextmanager
def decoded(stream: BinaryIO, name: str, container: tuple[str, str]) -> Iterator[BinaryIO]:
    """The first track of sound as a WAV file of float32, in a file that is gone afterwards. Raises DataError."""
    demuxer, title = container
    program = shutil.which("ffmpeg")
    if program is None:
        raise DataError(f"{name}: is {title}: {advice(name)}")
    with tempfile.TemporaryFile(buffering=0) as wav, _as_file(stream) as path:
        command = [
            *(program, "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe", "-f", demuxer),
            *("-i", f"file:{path}", "-map", "0:a:0", "-map_metadata", "-1", "-c:a", "pcm_f32le"),
            *("-fs", str(_MOST), "-f", "wav", "pipe:1"),
        ]
        _run(command, wav, name)
        if wav.seek(0, 2) >= _MOST:
            raise DataError(f"{name}: longer than the {_MOST >> 20} MiB of samples that are accepted: cut it")
        wav.seek(0)
        yield wav


def _run(command: list[str], output: BinaryIO, name: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{name}: ffmpeg needs more than {_PATIENCE:.0f} s to decode it: convert it first") from None
    except OSError as error:
        raise DataError(f"{name}: {command[0]} cannot be started: {error.strerror}") from error
    said = done.stderr.decode("utf-8", "replace").strip()
    if any(sign in said for sign in _CUT):
        raise DataError(f"{name}: the file is damaged or cut short, as ffmpeg says: {_first_line(said)}")
    if done.returncode:
        raise DataError(f"{name}: ffmpeg cannot decode it: {_first_line(said)}")


def _first_line(said: str) -> str:
    """Without the address in memory that it begins with."""
    line = said.partition("\n")[0]
    return (line.partition("] ")[2] if line.startswith("[") else line)[:200]


@contextmanager
def _as_file(stream: BinaryIO) -> Iterator[Path]:
    """A file with the content of a stream: the stream's own, if it has one."""
    if not isinstance(stream, io.BytesIO):
        yield Path(stream.name).absolute()
        return
    with tempfile.NamedTemporaryFile() as copy:
        copy.write(stream.getbuffer())
        copy.flush()
        yield Path(copy.name)
