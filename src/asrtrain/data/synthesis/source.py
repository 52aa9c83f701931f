"""Spoken digits and digit strings as a source of training data."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, final

import numpy as np
import soxr
from pydantic import AfterValidator, Field, Strict, model_validator

from asrtrain.config import Range
from asrtrain.data.digits import DigitText, digit_label
from asrtrain.data.interface import SourceConfig
from asrtrain.data.rendering import Rendered, render_once
from asrtrain.data.synthesis.engine import Engine, require_espeak
from asrtrain.data.synthesis.lexicon import ENGLISH, FOREIGN, Accent
from asrtrain.data.synthesis.trimming import trim
from asrtrain.data.synthesis.voices import VoiceSplit, choose_variants
from asrtrain.errors import DataError
from asrtrain.types import Hertz, Utterance

_VERSION = 1
"""Counted up whenever the same settings would make other audio."""
_SHORTEST = 0.1
"""Seconds a digit at least: a voice that says less has failed, and another is drawn."""
_DRAWS = 20
_SPLITS = ("train", "held_out", "all")
_ENDINGS = ("", ".", "!", "?", ",")
"""They change the melody."""


def _within(low: float, high: float) -> AfterValidator:
    def check(interval: tuple[float, float]) -> tuple[float, float]:
        if interval[0] < low or interval[1] > high:
            raise ValueError(f"[{interval[0]}, {interval[1]}] is not within [{low}, {high}]")
        return interval

    return AfterValidator(check)


Names = Annotated[tuple[str, ...], Strict(False)]


@final
class SynthConfig(SourceConfig):
    """English digits spoken by espeak-ng, each utterance by a voice, rate and pitch drawn at random."""

    name: Literal["synth"] = "synth"
    split: VoiceSplit = "train"
    """train and held_out have no voice in common; all has both."""
    count: Annotated[int, Field(gt=0)] = 3000
    """How many utterances to make."""
    min_words: Annotated[int, Field(gt=0)] = 1
    """Digits in the shortest utterance."""
    max_words: Annotated[int, Field(gt=0)] = 1
    """Digits in the longest utterance; 1 makes isolated digits, each as often as the others."""
    accents: Annotated[Names, Field(min_length=1)] = tuple(ENGLISH)
    """English accents, by espeak-ng's names of them."""
    foreign_accents: Annotated[Names, Field(min_length=1)] = tuple(FOREIGN)
    """Accents of speakers of other languages, who read the digits respelt."""
    foreign: Annotated[float, Field(ge=0, le=1)] = 0.4
    """The share of utterances with a foreign accent."""
    variants: Annotated[Names, Field(min_length=1)] | None = None
    """espeak-ng's voice variants (f1, m3, linda, …); null takes all of the split."""
    rate: Annotated[Range, _within(80, 450)] = (100, 260)
    """The slowest and the fastest speech, in words a minute."""
    pitch: Annotated[Range, _within(0, 99)] = (0, 99)
    """The lowest and the highest voice pitch, on espeak-ng's scale of 0 to 99."""
    pitch_range: Annotated[Range, _within(0, 99)] = (0, 99)
    """The flattest and the liveliest melody, on espeak-ng's scale of 0 to 99."""
    trim: Annotated[float, Field(lt=0)] | None = -50.0
    """Cut ends that are this many dB below the loudest 5 ms; null keeps them."""
    sample_rate: Annotated[Hertz, Field(ge=4000, le=48000)] = 8000
    """Sampling rate of the recordings, in Hz."""
    text: DigitText = "words"
    """Write transcripts as words (seven) or as digits (7)."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Decides every draw."""

    @model_validator(mode="after")
    def _known_and_ordered(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words ({self.min_words}) is greater than max_words ({self.max_words})")
        for key, names, table in (
            ("accents", self.accents, ENGLISH),
            ("foreign_accents", self.foreign_accents, FOREIGN),
        ):
            unknown = [name for name in names if name not in table]
            if unknown:
                raise ValueError(f"{key}: no accent {', '.join(unknown)}; there are {', '.join(table)}")
        return self

    def load(self, cache: Path) -> list[Utterance]:
        """The utterances, spoken into ``cache`` unless they are there already."""
        require_espeak()
        decided_by = {
            "version": _VERSION,
            "engine": importlib.metadata.version("espeakng-loader"),
            "settings": self.model_dump(mode="json"),
        }
        return render_once(cache, self.name, decided_by, self.sample_rate, self._utterances)

    def _utterances(self) -> Iterator[Rendered]:
        with Engine() as engine:
            variants = choose_variants(engine.variants, self.variants, self.split)
            for index in range(self.count):
                random = np.random.Generator(np.random.PCG64([self.seed, _SPLITS.index(self.split), index]))
                yield self._utterance(engine, variants, index, random)

    def _utterance(self, engine: Engine, variants: list[str], index: int, random: np.random.Generator) -> Rendered:
        digits = self._digits(index, random)
        for _ in range(_DRAWS):
            voice = self._draw_voice(variants, random)
            text = " ".join(voice.accent.digits[digit] for digit in digits) + voice.ending
            samples = engine.speak(
                text,
                voice.accent.language,
                voice.variant,
                rate=voice.rate,
                pitch=voice.pitch,
                pitch_range=voice.pitch_range,
                seed=voice.seed,
            )
            if self.trim is not None:
                samples = trim(samples, engine.sample_rate, self.trim)
            if len(samples) >= _SHORTEST * len(digits) * engine.sample_rate:
                resampled = soxr.resample(samples, engine.sample_rate, self.sample_rate, quality="HQ")
                label = " ".join(digit_label(digit, self.text) for digit in digits)
                return Rendered(label, voice.variant, resampled)
        raise DataError(f"espeak-ng says next to nothing in {_DRAWS} voices: choose other variants or a slower rate")

    def _digits(self, index: int, random: np.random.Generator) -> list[int]:
        if self.max_words == 1:
            return [index % 10]
        return [int(x) for x in random.integers(10, size=random.integers(self.min_words, self.max_words + 1))]

    def _draw_voice(self, variants: list[str], random: np.random.Generator) -> _Voice:
        is_foreign = random.random() < self.foreign
        names, table = (self.foreign_accents, FOREIGN) if is_foreign else (self.accents, ENGLISH)
        return _Voice(
            accent=table[names[random.integers(len(names))]],
            variant=variants[random.integers(len(variants))],
            ending=_ENDINGS[random.integers(len(_ENDINGS))],
            rate=round(random.uniform(*self.rate)),
            pitch=round(random.uniform(*self.pitch)),
            pitch_range=round(random.uniform(*self.pitch_range)),
            seed=int(random.integers(1, 1 << 31)),
        )


@dataclass(frozen=True, slots=True)
class _Voice:
    """A speaker for one utterance."""

    accent: Accent
    variant: str
    ending: str
    rate: int
    pitch: int
    pitch_range: int
    seed: int
