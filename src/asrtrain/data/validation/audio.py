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
from asrtrain.data.condition import fault_of, is_silent, may_be_silent
from asrtrain.data.decoder import Samples
from asrtrain.data.validation.settings import Setting, check_settings, setting_of
from asrtrain.data.validation.splits import Divided, audio_leak
from asrtrain.errors import DataError
from asrtrain.types import Audio, Hertz, Seconds, Utterance

SHORTEST: Seconds = 0.01
"""Less than this is no sound that a frame could be made of."""
CLIPPED_SHARE = 0.001
"""More of a recording than this in such runs is worth a warning."""


@final
@dataclass(slots=True)
class AudioCheck:
    """Decodes recordings one by one; what it says of each also depends on those before."""

    sample_rate: Hertz | None
    complaints: list[Complaint] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    _first: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    _rates: Counter[Hertz] = field(default_factory=Counter)
    _channels: Counter[int] = field(default_factory=Counter)

    def check(self, utterance: Utterance, split: str) -> Utterance | None:
        """Decode and judge a recording; the utterance with its duration, or None if it cannot be decoded."""
        try:
            info = audio_info(utterance.audio)
            audio = read_audio(utterance.audio, info.sample_rate, offset=utterance.offset, duration=utterance.duration)
        except DataError as error:
            self._complain("unreadable", str(error), utterance)
            return None
        self._judge(audio, info, utterance)
        self._find_twin(audio.samples, utterance, split)
        self.settings.append(setting_of(audio, utterance.text, str(utterance.audio)))
        return utterance if utterance.duration else replace(utterance, duration=audio.duration)

    def _judge(self, audio: Audio, info: AudioInfo, utterance: Utterance) -> None:
        self._rates[info.sample_rate] += 1
        self._channels[info.channels] += 1
        state = audio.condition
        fault, swing = fault_of(state), f"its samples swing by {state.swing:.1g} of full scale"
        if audio.duration < SHORTEST:
            self._complain("empty_audio", f"{utterance.audio} is {1000 * audio.duration:.1f} ms long", utterance)
            return
        if fault == "cancelled":
            message = f"{utterance.audio}: its channels cancel each other, {state.kept:.1%} of their power is left"
            self._complain("cancelled", message, utterance)
        if is_silent(state) and not may_be_silent(utterance.text):
            self._complain("silent", f"{utterance.audio} is silent: {swing}", utterance)
        elif fault == "quiet":
            self._complain("quiet", f"{utterance.audio} is very quiet: {swing}", utterance)
        elif state.clipped > CLIPPED_SHARE:
            self._complain("clipped", f"{utterance.audio}: {state.clipped:.1%} of its samples are cut off", utterance)

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
    return readable, [*check.complaints, *check_durations(readable), *check_settings(check.settings), *check.notices()]


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
