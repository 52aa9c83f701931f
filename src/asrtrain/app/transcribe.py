"""Transcribing recordings."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import final

import numpy as np
import torch

from asrtrain import run_folder
from asrtrain.app.recordings import STANDARD_INPUT, Input, Recording, find_recordings
from asrtrain.app.sharding import Shard
from asrtrain.app.strangeness import is_unanswerable, strangeness
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.app.trained import Checkpoint, load_system
from asrtrain.app.workers import in_order
from asrtrain.assembly import System
from asrtrain.batching import OrderedSampler
from asrtrain.data.audio import decode_audio, read_audio
from asrtrain.errors import DataError, UsageError
from asrtrain.evaluation import Transcript, recognise
from asrtrain.files.names import printable
from asrtrain.terminal import say
from asrtrain.types import Audio, Batch, Hertz, Hypothesis, Seconds

_WINDOW = 64
"""Recordings that are sorted by length together; what is first is answered sooner, in windows of 1, 2, 4, …"""
_IN_HAND: Seconds = 240.0
"""Audio held at once, a longer recording excepted."""
_BATCH: Seconds = 60.0
"""Audio in a batch, padding included; a longer recording is a batch of its own."""


def transcribe(
    inputs: Input | Sequence[Input],
    *,
    sample_rate: Hertz | None = None,
    run: str | Path | None = None,
    checkpoint: Checkpoint = "best",
    device: str = "auto",
    nproc: int = 1,
    shard: str | None = None,
) -> Iterator[Transcript]:
    """Transcribe files, folders (all recordings in and below them), patterns and ``-`` (standard input), in order.

    An input may also be samples, (S,) or (S, channels), as an array or a tensor; ``sample_rate`` is theirs, in Hz.
    Transcripts come as they are ready, and no more than a few are held. ``nproc`` processes share the recordings, one a
    GPU where there are GPUs; ``shard``, ``2/8`` for example, is the part to transcribe. Says on standard error where a
    recording had to be resampled or mixed down, or cannot be read; for the latter raises DataError when the others are
    done. Raises UsageError, CheckpointError, and TrainingError if one of several processes is ended.
    """
    use_threads_deliberately()
    recordings = Shard.parse(shard).of(find_recordings(inputs, sample_rate))
    if nproc > 1 and any(recording.name == STANDARD_INPUT for recording in recordings):
        raise UsageError("--nproc: standard input can be read by one process only; leave --nproc away")
    transcriber = _Transcriber(run_folder.find(None if run is None else Path(run)), checkpoint, device)
    unreadable = 0
    for heard in chain.from_iterable(in_order(nproc, transcriber, _windows(recordings))):
        if heard.transcript is None:
            if len(recordings) == 1:
                raise DataError(heard.said)
            # One bad recording among many must not cost the others their transcripts.
            unreadable += 1
        if heard.said:
            say(heard.said)
        if heard.transcript is not None:
            yield heard.transcript
    if unreadable:
        raise DataError(f"{unreadable} of {len(recordings)} recordings could not be read; the others are transcribed")


@final
@dataclass(frozen=True, slots=True)
class _Heard:
    """What came of a recording, and what is to be said of it; no transcript, if it could not be read."""

    transcript: Transcript | None
    said: str = ""


@final
@dataclass(frozen=True, slots=True)
class _Transcriber:
    """What a process needs to know to transcribe."""

    run: Path
    checkpoint: Checkpoint
    device: str

    def __call__(self) -> Callable[[Sequence[Recording]], list[_Heard]]:
        system = load_system(self.run, self.checkpoint, self.device)
        return lambda recordings: list(_heard(system, recordings))


def _windows(recordings: Sequence[Recording]) -> Iterator[Sequence[Recording]]:
    start, size = 0, 1
    while start < len(recordings):
        yield recordings[start : start + size]
        start, size = start + size, min(2 * size, _WINDOW)


def _heard(system: System, recordings: Sequence[Recording]) -> Iterator[_Heard]:
    """Every recording in order, read as far ahead as may be held."""
    held: list[tuple[str, Audio | DataError]] = []
    seconds = 0.0
    for recording in recordings:
        try:
            audio = _read(recording, system)
        except DataError as error:
            held.append((recording.name, error))
            continue
        held.append((recording.name, audio))
        seconds += audio.duration
        if seconds > _IN_HAND:
            yield from _answered(system, held)
            held, seconds = [], 0.0
    yield from _answered(system, held)


def _answered(system: System, held: Sequence[tuple[str, Audio | DataError]]) -> Iterator[_Heard]:
    audios = [(name, audio) for name, audio in held if isinstance(audio, Audio)]
    transcripts = iter(transcribe_audios(system, audios))
    for name, audio in held:
        if isinstance(audio, DataError):
            yield _Heard(None, str(audio))
        else:
            said = "; ".join(filter(None, (audio.notice, strangeness(system, audio))))
            yield _Heard(next(transcripts), f"{printable(name)}: {said}" if said else "")


def transcribe_audios(system: System, audios: Sequence[tuple[str, Audio]]) -> list[Transcript]:
    """Transcribe recordings with their names, at the front end's sampling rate, in batches of similar length.

    The text is empty, with confidence 0, where any answer would be made up.
    """
    found = {
        place: Transcript(name, audio.duration, Hypothesis(name, "", 0.0))
        for place, (name, audio) in enumerate(audios)
        if is_unanswerable(system, audio)
    }
    rest = [place for place in range(len(audios)) if place not in found]
    for places in _batches(rest, audios):
        batch = _batch(system, [audios[place] for place in places])
        heard = recognise(system.model, [batch], system.search, system.device)
        for place, hypothesis in zip(places, heard, strict=True):
            name, audio = audios[place]
            found[place] = Transcript(name, audio.duration, hypothesis.within(audio.duration))
    return [found[place] for place in range(len(audios))]


def _batches(places: Sequence[int], audios: Sequence[tuple[str, Audio]]) -> list[list[int]]:
    """The recordings at these places in batches of similar length."""
    if not places:
        return []
    sampler = OrderedSampler(np.array([audios[place][1].duration for place in places]), batch_seconds=_BATCH)
    return [[places[k] for k in batch] for batch in sampler.epoch(0)]


def _batch(system: System, audios: Sequence[tuple[str, Audio]]) -> Batch:
    samples = [torch.from_numpy(audio.samples) for _, audio in audios]
    lengths = torch.tensor([len(one) for one in samples])
    waveforms = torch.nn.utils.rnn.pad_sequence(samples, batch_first=True)
    features, frames = system.front_end(waveforms, lengths)
    starts = tuple(system.front_end.starts(waveforms, lengths).tolist())
    names = tuple(name for name, _ in audios)
    return Batch(names, features, frames, starts=starts)


def _read(recording: Recording, system: System) -> Audio:
    rate = system.config.features.sample_rate
    if recording.content is not None:
        return decode_audio(io.BytesIO(recording.content), recording.name, rate)
    if recording.name == STANDARD_INPUT:
        return decode_audio(sys.stdin.buffer, "standard input", rate)
    return read_audio(Path(recording.name), rate)
