"""Noises and rooms recorded by others, read from a folder."""

from __future__ import annotations

from pathlib import Path

import torch

from asrtrain.errors import DataError, UsageError
from asrtrain.features.augmentation.interface import ReadAudio
from asrtrain.types import Hertz, Seconds

SUFFIXES = {".aac", ".aif", ".aiff", ".amr", ".au", ".caf", ".flac", ".m4a", ".mp3", ".mp4", ".oga", ".ogg", ".opus",
            ".sph", ".w64", ".wav", ".webm", ".wma"}  # fmt: skip
"""The recordings that are read, some of them by ffmpeg where it is installed."""

MOST: Seconds = 3600.0
"""Reading stops after this much sound: it is all kept in memory."""


def read_folder(folder: Path, sample_rate: Hertz, read_audio: ReadAudio | None) -> list[torch.Tensor]:
    """The recordings (S,) in a folder and those below it, in the order of their names. Raises DataError."""
    if read_audio is None:
        raise UsageError(f"augmentation: {folder} cannot be read here: nothing was given to read recordings with")
    recordings: list[torch.Tensor] = []
    seconds = 0.0
    for path in recordings_in(folder):
        if seconds < MOST:
            audio = read_audio(path, sample_rate)
            recordings.append(torch.from_numpy(audio.samples))
            seconds += audio.duration
    return recordings


def recordings_in(folder: Path) -> list[Path]:
    """Where the recordings are, in the order of their names; one at least. Raises DataError."""
    if not folder.is_dir():
        raise DataError(f"augmentation: {folder}: no such folder")
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise DataError(f"augmentation: {folder}: no recordings in it ({', '.join(sorted(SUFFIXES))})")
    return found
