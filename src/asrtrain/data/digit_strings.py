"""Connected words with exact transcripts: recordings of one speaker after another, with short gaps between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache as memoised
from pathlib import Path
from typing import Annotated, Literal, Self, final

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from asrtrain.config import OneOf, Range
from asrtrain.data.audio import read_audio
from asrtrain.data.contents import fingerprint_of_recordings
from asrtrain.data.corpora import CORPORA
from asrtrain.data.interface import SourceConfig
from asrtrain.data.manifest_source import ManifestConfig
from asrtrain.data.rendering import Rendered, render_once
from asrtrain.data.synthesis import SynthConfig
from asrtrain.errors import DataError
from asrtrain.types import Hertz, Utterance

WORD_SOURCES: dict[str, type[SourceConfig]] = {"manifest": ManifestConfig, **CORPORA, "synth": SynthConfig}

_GAP_NOISE = 1e-4
_VERSION = 1
"""Counted up whenever the same settings would make other audio."""


@final
class DigitStringsConfig(SourceConfig):
    """Strings of recordings of any source of single words; each string is of one speaker, and says so."""

    name: Literal["digit_strings"] = "digit_strings"
    of: Annotated[SourceConfig, OneOf(WORD_SOURCES)]
    """Where the words come from: {name: fsdd, folder: …, split: train}."""
    count: Annotated[int, Field(gt=0)] = 2000
    """How many strings to make."""
    min_words: Annotated[int, Field(gt=0)] = 3
    """Words in the shortest string."""
    max_words: Annotated[int, Field(gt=0)] = 7
    """Words in the longest string."""
    gap: Range = (0.0, 0.2)
    """The shortest and the longest gap between two words, in seconds; gaps are filled with near-silence."""
    sample_rate: Annotated[Hertz, Field(ge=4000, le=192000)] = 8000
    """Sampling rate of the strings, in Hz."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Decides which recordings follow each other, and the gaps."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words ({self.min_words}) is greater than max_words ({self.max_words})")
        if self.gap[0] < 0:
            raise ValueError(f"gap begins at {self.gap[0]} seconds: it cannot be negative")
        return self

    def load(self, cache: Path) -> list[Utterance]:
        """The strings, written into ``cache`` unless they are there already."""
        words = self.of.load(cache)
        if not words:
            raise DataError("digit_strings: the source of words is empty; choose another split or other speakers")
        settings = self.model_dump(mode="json", exclude={"of"})
        contents = fingerprint_of_recordings(words, cache)
        said = [[word.id, word.text, word.speaker] for word in words]
        decided_by = {"version": _VERSION, "settings": settings, "recordings": contents, "words": said}
        return render_once(cache, self.name, decided_by, self.sample_rate, lambda: self._strings(words))

    def _strings(self, words: Sequence[Utterance]) -> Iterator[Rendered]:
        by_speaker: dict[str, list[Utterance]] = defaultdict(list)
        for word in words:
            by_speaker[word.speaker].append(word)
        speakers = sorted(by_speaker)
        read = memoised(self._read)
        for index in range(self.count):
            # A generator for every string: the first strings of a longer list are those of a shorter one.
            random = np.random.Generator(np.random.PCG64([self.seed, index]))
            speaker = speakers[random.integers(len(speakers))]
            of_speaker = by_speaker[speaker]
            picks = random.integers(len(of_speaker), size=random.integers(self.min_words, self.max_words + 1))
            chosen = [of_speaker[pick] for pick in picks]
            samples = self._joined([read(word) for word in chosen], random)
            yield Rendered(" ".join(word.text for word in chosen), speaker, samples)

    def _read(self, word: Utterance) -> npt.NDArray[np.float32]:
        return read_audio(word.audio, self.sample_rate, offset=word.offset, duration=word.duration).samples

    def _joined(self, parts: list[npt.NDArray[np.float32]], random: np.random.Generator) -> npt.NDArray[np.float32]:
        pieces = [parts[0]]
        for part in parts[1:]:
            gap = round(random.uniform(*self.gap) * self.sample_rate)
            pieces += [(random.standard_normal(gap) * _GAP_NOISE).astype(np.float32), part]
        return np.concatenate(pieces)
