"""The settings that every recogniser with hidden Markov models has: its units, their states, how they are searched."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Self

from pydantic import Field, model_validator

from asrtrain.config import FilePath
from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.hmm.interface import HMMConfig
from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.lexicon import SpellingUnit, spellings
from asrtrain.hmm.word_models import WordModels

Count = Annotated[int, Field(gt=0)]


class TopologyConfig(HMMConfig, ABC):
    """Words as chains of states."""

    unit: SpellingUnit = "word"
    """What has states of its own: every word, every character of the words' spelling, or every phone of a lexicon."""
    lexicon: FilePath | None = None
    """For unit: phone, a text file of lines ``word phone phone …``."""
    states: Count = 8
    """States a unit, left to right; 3 is usual for phones and characters."""
    silence_states: Count = 3
    """States of silence, which may stand at both ends of an utterance and between words."""
    skip: bool = False
    """Let every state inside a unit be left out (Bakis topology), for words spoken fast."""
    pause: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """The probability of silence at each place where it may be."""
    short_pause: bool = False
    """Between words, allow a pause as short as a frame: the middle state of silence alone, tied to it."""
    acoustic_scale: Annotated[float, Field(gt=0)] | None = None
    """Factor of the states' scores beside transitions and penalty; null: tuned on the development part."""
    insertion_penalty: float | None = None
    """Taken off the score for every word of a string, in nats; null: tuned on the development part."""

    @model_validator(mode="after")
    def _lexicon_where_needed(self) -> Self:
        if (self.unit == "phone") != (self.lexicon is not None):
            raise ValueError(
                "unit: phone needs a lexicon: name its file"
                if self.lexicon is None
                else f"a lexicon is given, but unit is {self.unit}: write unit: phone, or remove the lexicon"
            )
        return self

    def build_words(self, vocabulary: Vocabulary) -> WordModels:
        """The words of a vocabulary as chains of states. Raises DataError for a lexicon that lacks one."""
        words = [symbol for symbol in vocabulary.symbols if symbol != BLANK]
        spelling = spellings(words, self.unit, self.lexicon)
        units = sorted({unit for units in spelling.values() for unit in units})
        sizes = {SILENCE: self.silence_states} | dict.fromkeys(units, self.states)
        inventory = Inventory(sizes, spelling, skip=self.skip, pause=self.pause, short_pause=self.short_pause)
        models = WordModels(inventory, vocabulary)
        if self.acoustic_scale is not None:
            models.acoustic_scale.fill_(self.acoustic_scale)
        if self.insertion_penalty is not None:
            models.insertion_penalty.fill_(self.insertion_penalty)
        return models
