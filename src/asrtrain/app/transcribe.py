"""Transcribing recordings."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

import torch
from tqdm import tqdm

from asrtrain import run_folder
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import Checkpoint, load_recogniser
from asrtrain.assembly import Recogniser
from asrtrain.data.audio import decode_audio, read_audio
from asrtrain.data.interface import AUDIO_SUFFIXES
from asrtrain.errors import DataError
from asrtrain.evaluation import Transcript, recognise
from asrtrain.types import Audio, Batch

STANDARD_INPUT = "-"


def transcribe(
    inputs: Sequence[str | Path],
    *,
    run: str | Path | None = None,
    checkpoint: Checkpoint = "best",
    device: str = "auto",
) -> Iterator[Transcript]:
    """Transcribe files, folders (all recordings in and below them), patterns and ``-`` (standard input), one by one.

    Says on standard error where a recording had to be resampled or mixed down, or cannot be read; for the latter raises
    DataError when the others are done. Raises UsageError, CheckpointError.
    """
    use_threads_deliberately()
    names = list(find_recordings(inputs))
    recogniser = load_recogniser(run_folder.find(None if run is None else Path(run)), checkpoint, device)
    unreadable = 0
    for name in names:
        try:
            audio = _read(name, recogniser)
        except DataError as error:
            if len(names) == 1:
                raise
            # One bad recording among many must not cost the others their transcripts.
            tqdm.write(str(error), file=sys.stderr)
            unreadable += 1
            continue
        if audio.notice:
            tqdm.write(f"{name}: {audio.notice}", file=sys.stderr)
        yield transcribe_audio(recogniser, name, audio)
    if unreadable:
        raise DataError(f"{unreadable} of {len(names)} recordings could not be read; the others are transcribed")


def transcribe_audio(recogniser: Recogniser, name: str, audio: Audio) -> Transcript:
    """Transcribe one recording, at the front end's sampling rate."""
    waveforms, lengths = torch.from_numpy(audio.samples)[None], torch.tensor([len(audio.samples)])
    features, frames = recogniser.front_end(waveforms, lengths)
    nothing = torch.zeros(1, 0, dtype=torch.int64)
    batch = Batch((name,), features, frames, nothing, torch.zeros(1, dtype=torch.int64))
    frame_shift = recogniser.front_end.frame_shift
    (hypothesis,) = recognise(recogniser.model, [batch], recogniser.decoder, frame_shift, recogniser.device)
    return Transcript(name, audio.duration, hypothesis)


def find_recordings(inputs: Sequence[str | Path]) -> Iterator[str]:
    """The recordings that the inputs mean, in order. Raises DataError for an input that means none."""
    for item in map(str, inputs):
        path = Path(item)
        if item == STANDARD_INPUT or path.is_file():
            yield item
        elif path.is_dir():
            yield from _or_complain(item, sorted(p for p in path.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES))
        elif has_magic(item):
            yield from _or_complain(item, sorted(Path(p) for p in glob(item, recursive=True)))  # noqa: PTH207
        else:
            raise DataError(f"{item}: there is no such file or folder")


def _or_complain(item: str, found: Sequence[Path]) -> Iterator[str]:
    if not found:
        raise DataError(f"{item}: no recording there ({', '.join(AUDIO_SUFFIXES)})")
    return map(str, found)


def _read(name: str, recogniser: Recogniser) -> Audio:
    rate = recogniser.config.features.sample_rate
    if name == STANDARD_INPUT:
        return decode_audio(sys.stdin.buffer, "standard input", rate)
    return read_audio(Path(name), rate)
