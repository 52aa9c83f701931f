"""Checks of recordings, which have to be decoded for it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from tqdm import tqdm

from asrtrain.data.audio import AudioInfo, audio_info, read_audio
from asrtrain.data.complaints import Complaint
from asrtrain.data.decoder import Samples
from asrtrain.data.validation.splits import Divided, audio_leak
from asrtrain.errors import DataError
from asrtrain.types import Hertz, Seconds, Utterance

SHORTEST: Seconds = 0.01
"""Less than this is no sound that a frame could be made of."""
SILENCE = 0.001
"""A recording whose peak is below this (-60 dB of full scale) is silent."""
FULL_SCALE = 0.999
CLIPPED_RUN = 3
"""So many samples in succession at full scale are a wave whose crest was cut off."""
CLIPPED_SHARE = 0.001
"""More of a recording than this in such runs is worth a warning."""


@final
@dataclass(slots=True)
class AudioCheck:
    """Decodes recordings one by one; what it says of each also depends on those before."""

    sample_rate: Hertz | None
    complaints: list[Complaint] = field(default_factory=list)
    _first: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    _rates: Counter[Hertz] = field(default_factory=Counter)
    _channels: Counter[int] = field(default_factory=Counter)

    def check(self, utterance: Utterance, split: str) -> Utterance | None:
        """Decode and judge a recording; the utterance with its duration, or None if it cannot be decoded."""
        try:
            info = audio_info(utterance.audio)
            samples = read_audio(
                utterance.audio, info.sample_rate, offset=utterance.offset, duration=utterance.duration
            ).samples
        except DataError as error:
            self._complain("unreadable", str(error), utterance)
            return None
        self._judge(samples, info, utterance)
        self._find_twin(samples, utterance, split)
        return utterance if utterance.duration else replace(utterance, duration=len(samples) / info.sample_rate)

    def _judge(self, samples: Samples, info: AudioInfo, utterance: Utterance) -> None:
        self._rates[info.sample_rate] += 1
        self._channels[info.channels] += 1
        duration, peak, clipped = len(samples) / info.sample_rate, float(np.abs(samples).max()), clipped_share(samples)
        if duration < SHORTEST:
            self._complain("empty_audio", f"{utterance.audio} is {1000 * duration:.1f} ms long", utterance)
        elif peak < SILENCE:
            self._complain("silent", f"{utterance.audio} is silent: its peak is {peak:.1g} of full scale", utterance)
        elif clipped > CLIPPED_SHARE:
            self._complain("clipped", f"{utterance.audio}: {clipped:.1%} of its samples are cut off", utterance)

    def _find_twin(self, samples: Samples, utterance: Utterance, split: str) -> None:
        content = hashlib.blake2b(samples.tobytes(), digest_size=16).digest()
        first_split, first = self._first.setdefault(content, (split, utterance.id))
        if first_split != split:
            self.complaints.append(audio_leak(utterance, split, first, first_split))
        elif first != utterance.id:
            self._complain("duplicate_audio", f"{utterance.audio} holds the same audio as {first!r}", utterance)

    def _complain(self, kind: str, message: str, utterance: Utterance) -> None:
        self.complaints.append(Complaint(kind, message, utterance.source, utterance.id))

    def notices(self) -> Iterator[Complaint]:
        """What is done to recordings on the way in, told once for all of them."""
        for rate, count in sorted(self._rates.items()):
            if self.sample_rate and rate != self.sample_rate:
                yield Complaint("resampled", f"{count} at {rate} Hz are resampled to {self.sample_rate} Hz")
        for channels, count in sorted(self._channels.items()):
            if channels > 1:
                yield Complaint("mixed_down", f"{count} of {channels} channels are mixed down to one")


def check_audio(
    splits: Divided, sample_rate: Hertz | None, *, progress: bool = False
) -> tuple[list[Utterance], list[Complaint]]:
    """Decode every recording; the readable utterances of all splits, now with durations, and the complaints."""
    check = AudioCheck(sample_rate)
    everything = [(utterance, name) for name, split in splits.items() for utterance in split]
    shown = tqdm(everything, desc="decoding", unit="recording", disable=None if progress else True, leave=False)
    readable = [found for utterance, name in shown if (found := check.check(utterance, name))]
    return readable, [*check.complaints, *check_durations(readable), *check.notices()]


def clipped_share(samples: Samples) -> float:
    """The share of samples (S,) that lie in runs of at least three at full scale."""
    if len(samples) < CLIPPED_RUN:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(samples) >= FULL_SCALE, CLIPPED_RUN)
    in_runs = np.convolve(windows.all(axis=1), np.ones(CLIPPED_RUN)) > 0
    return float(in_runs.mean())


def check_durations(utterances: Sequence[Utterance]) -> Iterator[Complaint]:
    """Complain of durations that are far from all others: cut-off words, whole lectures.

    Far is more than six robust standard deviations (1.4826 × median absolute deviation, Hampel 1974) of the logarithm
    from its median, where a deviation counts as at least 20 %.
    """
    known = [(utterance, utterance.duration) for utterance in utterances if utterance.duration]
    if not known:
        return
    logs = np.log([duration for _, duration in known])
    middle = np.median(logs)
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), np.log(1.2))
    for (utterance, duration), log in zip(known, logs, strict=True):
        if abs(log - middle) > 6 * spread:
            message = f"lasts {duration:.2f} s; half of all last less than {np.exp(middle):.2f} s"
            yield Complaint("outlier", message, utterance.source, utterance.id)
