"""Reading recordings: the one place where audio is decoded, and the limits that hold while it is.

Files and standard input take the same road: recognise the container, bound what its header claims, decode block by
block, mix down, resample (soxr, high quality), refuse samples that are no sound.
"""

from __future__ import annotations

import io
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from asrtrain.data.condition import Listener
from asrtrain.data.decoder import BLOCK, Recording, Samples, opened
from asrtrain.data.tar_index import find_member
from asrtrain.errors import DataError
from asrtrain.files.names import printable
from asrtrain.types import Audio, Hertz, Seconds

MAX_BYTES = 512 << 20
"""The most a recording may fill as mono float32 at the wanted rate: 2.3 hours at 16 kHz. Also for standard input."""

RATES = range(1_000, 384_001)
"""Sample rates taken seriously, Hz."""

MAX_CHANNELS = 64

MAX_PEAK = 8.0
"""Floating-point files may pass full scale a little, and are then clipped; beyond this they were never scaled."""

SLACK: Seconds = 0.1
"""How much less may be there than a manifest says, which rounds, or the header of an MP3, which estimates."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a header says: seconds, Hz, channels and sample frames."""

    duration: Seconds
    sample_rate: Hertz
    channels: int
    frames: int


def audio_info(path: Path) -> AudioInfo:
    """Read a recording's header only. Raises DataError."""
    with _open_file(path) as recording:
        rate = recording.samplerate
        return AudioInfo(recording.length / rate, rate, recording.channels, recording.length)


def read_audio(path: Path, sample_rate: Hertz, *, offset: Seconds = 0.0, duration: Seconds | None = None) -> Audio:
    """Decode a recording, or ``duration`` seconds of it from ``offset``, to mono samples. Raises DataError."""
    with _open_file(path) as recording:
        return _decode(recording, printable(str(path)), sample_rate, offset, duration)


def decode_audio(stream: BinaryIO, name: str, sample_rate: Hertz) -> Audio:
    """Decode a whole recording from a stream that need not be seekable, such as standard input. Raises DataError."""
    content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError(f"{name}: longer than the {MAX_BYTES >> 20} MiB that are accepted; pass a file, or cut it")
    with _open_stream(io.BytesIO(content), name) as recording:
        return _decode(recording, name, sample_rate, 0.0, None)


@contextmanager
def _open_file(path: Path) -> Iterator[Recording]:
    name = printable(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{name}: not a regular file")
        # Unbuffered: the decoder goes on with the bare descriptor, which is faster than calling back into Python.
        with path.open("rb", buffering=0) as file, _open_stream(file, name) as recording:
            yield recording
    except NotADirectoryError:
        member = find_member(path)
        if member.size > MAX_BYTES:
            raise DataError(f"{name}: larger than the {MAX_BYTES >> 20} MiB that are accepted: cut it") from None
        with _open_stream(io.BytesIO(member.read()), name) as recording:
            yield recording
    except FileNotFoundError as error:
        raise DataError(f"{name}: no such file") from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error


@contextmanager
def _open_stream(stream: BinaryIO, name: str) -> Iterator[Recording]:
    try:
        with opened(stream, name) as recording:
            _check_header(recording, name)
            yield recording
    except soundfile.SoundFileError as error:
        reason = getattr(error, "error_string", str(error)).strip(" .")
        if reason.startswith("File does not exist"):  # what the library says of a damaged MP3, which is there
            reason = "no MPEG frames are found in it"
        # It has no words for a damaged FLAC frame.
        raise DataError(f"{name}: cannot be decoded: {reason or 'it is damaged, or cut short'}") from error


def _check_header(recording: Recording, name: str) -> None:
    if recording.samplerate not in RATES:
        accepted = f"{RATES[0]} to {RATES[-1]} Hz are accepted"
        raise DataError(f"{name}: claims a sample rate of {recording.samplerate} Hz; {accepted}")
    if recording.channels > MAX_CHANNELS:
        raise DataError(f"{name}: claims {recording.channels} channels; at most {MAX_CHANNELS} are accepted")
    if recording.length <= 0:
        raise DataError(f"{name}: holds no samples")


def _decode(recording: Recording, name: str, rate: Hertz, offset: Seconds, duration: Seconds | None) -> Audio:
    """Decode the section asked for: (S,) samples at ``rate``, in [-1, 1]."""
    start, count = _section(recording, name, offset, duration)
    hours, limit = count / recording.samplerate / 3600, MAX_BYTES / 4 / rate / 3600
    if hours > limit:
        raise DataError(f"{name}: claims {hours:.1f} hours of audio; at most {limit:.1f} are accepted: cut it")
    recording.skip(start)
    listener = Listener(recording.samplerate, recording.channels)
    blocks = _mono_blocks(recording, name, count, listener)
    if recording.samplerate != rate:
        blocks = _resampled(blocks, recording.samplerate, rate)
    first, *others = *blocks, np.zeros(0, np.float32)
    samples = np.concatenate([first, *others]) if len(others) > 1 else first  # most recordings are one block
    if not len(samples):
        raise DataError(f"{name}: holds no samples")
    np.clip(samples, -1.0, 1.0, out=samples)
    return Audio(samples, rate, _notice(recording, rate), listener.condition())


def _notice(recording: Recording, rate: Hertz) -> str:
    resampled = f"resampled from {recording.samplerate} to {rate} Hz" if recording.samplerate != rate else ""
    mixed = f"{recording.channels} channels mixed down to one" if recording.channels > 1 else ""
    return ", ".join(filter(None, (resampled, mixed)))


def _resampled(blocks: Iterable[Samples], source: Hertz, target: Hertz) -> Iterator[Samples]:
    resampler = soxr.ResampleStream(source, target, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _section(recording: Recording, name: str, offset: Seconds, duration: Seconds | None) -> tuple[int, int]:
    """First frame and number of frames asked for."""
    rate, frames = recording.samplerate, recording.length
    start = round(offset * rate)
    count = frames - start if duration is None else round(duration * rate)
    if start < 0 or count <= 0 or start >= frames or start + count > frames + SLACK * rate:
        end = "the end" if duration is None else f"{offset + duration:g} s"
        raise DataError(f"{name}: {offset:g} s to {end} is asked for, of a recording of {frames / rate:g} s")
    return start, min(count, frames - start)


def _mono_blocks(recording: Recording, name: str, count: int, listener: Listener) -> Iterator[Samples]:
    """Decode ``count`` frames, as long as there are any, mixed down to (S,) blocks."""
    missing = count
    while missing > 0:
        block = recording.block(min(BLOCK, missing))
        if not len(block):
            break
        missing -= len(block)
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
        peak = max(float(mono.max()), -float(mono.min()))
        if not np.isfinite(peak):
            raise DataError(f"{name}: holds samples that are infinite or not a number")
        if peak > MAX_PEAK:
            raise DataError(f"{name}: its samples reach {peak:g}; scale them to lie between -1 and 1")
        listener.add(block, mono)
        yield mono
    if missing > (SLACK * recording.samplerate if recording.format == "MP3" else 0):
        there, promised = (count - missing) / recording.samplerate, count / recording.samplerate
        raise DataError(f"{name}: the file is cut short: {there:g} of {promised:g} s are there")
