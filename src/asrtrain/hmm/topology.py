"""The settings that every recogniser with hidden Markov models has: its units, their states, how they are searched."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from asrtrain.config import FilePath, OneOf
from asrtrain.config.run import Run
from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.errors import UsageError
from asrtrain.hmm.interface import HMMConfig
from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.triphones import Unit, in_context
from asrtrain.hmm.tuning import Tuning
from asrtrain.hmm.word_models import WordModels
from asrtrain.language.lexicon import SpellingUnit, spellings
from asrtrain.language.models import LANGUAGE_MODELS, LanguageModelConfig

Count = Annotated[int, Field(gt=0)]
_STATE = 200
"""Bytes that a state takes at least: its unit and place, its name and its transitions."""


class TopologyConfig(HMMConfig, ABC):
    """Words as chains of states."""

    unit: SpellingUnit = "word"
    """What has states of its own: every word, every character of the words' spelling, or every phone of a lexicon."""
    context: Literal["mono", "triphone"] = "mono"
    """For unit: char or phone, whether a unit is the same wherever it stands, or told apart by its neighbours in the
    word (word-internal triphones), where the decision tree finds that it matters."""
    max_states: Count = 500
    """With context: triphone, the most states that the tree may have, silence apart. The model has room for as many,
    or for all triphones if these have fewer."""
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
    language_model: Annotated[LanguageModelConfig, OneOf(LANGUAGE_MODELS)] | None = None
    """How probable words are after each other; null: any word may follow any other, all alike. For strings of words."""

    @model_validator(mode="after")
    def _lexicon_where_needed(self) -> Self:
        if (self.unit == "phone") != (self.lexicon is not None):
            raise ValueError(
                "unit: phone needs a lexicon: name its file"
                if self.lexicon is None
                else f"a lexicon is given, but unit is {self.unit}: write unit: phone, or remove the lexicon"
            )
        if self.context == "triphone" and self.unit == "word":
            raise ValueError("context: triphone is for unit: phone or char; whole words have no neighbours in the word")
        return self

    def check_with(self, run: Run) -> None:
        super().check_with(run)
        if run.value("data.unit") == "label" and self.language_model:
            raise ValueError(
                f"model.language_model {self.language_model.name} tells what follows what, but data.unit is "
                "label, a word alone: leave it out, or write data.unit: word"
            )

    def count_outputs(self, tokens: Vocabulary) -> int:
        """The states of their words."""
        states = self._inventory(tokens).states
        return min(states, self.silence_states + self.max_states) if self.context == "triphone" else states

    def least_bytes(self, input_size: int, tokens: Vocabulary) -> int:
        """States with their names and transitions, and what scores those that are not tied."""
        chains = self._inventory(tokens).states
        return chains * _STATE + self.count_outputs(tokens) * self._scoring_bytes(input_size)

    def _scoring_bytes(self, input_size: int) -> int:
        """Of a state."""
        return 0

    def build_words(self, vocabulary: Vocabulary) -> WordModels:
        """The words of a vocabulary as chains of states.

        Raises DataError for a lexicon that lacks one, UsageError for too few states.
        """
        inventory, tied = self._inventory(vocabulary), self.context == "triphone"
        least = max(inventory.monophones) + 1 - self.silence_states
        if tied and self.max_states < least:
            raise UsageError(
                f"model.max_states: {self.max_states} are fewer than the units have without their neighbours, {least}: "
                "give more"
            )
        models = WordModels(inventory, vocabulary, self._language_weight, self.max_states if tied else None)
        if self.acoustic_scale is not None:
            models.acoustic_scale.fill_(self.acoustic_scale)
        if self.insertion_penalty is not None:
            models.insertion_penalty.fill_(self.insertion_penalty)
        return models

    def _inventory(self, vocabulary: Vocabulary) -> Inventory:
        """The units of the words of a vocabulary. Raises DataError for a lexicon that lacks a word."""
        words = [symbol for symbol in vocabulary.symbols if symbol != BLANK]
        tied = self.context == "triphone"
        spelling: dict[str, tuple[Unit, ...]] = {
            word: in_context(units) if tied else units
            for word, units in spellings(words, self.unit, self.lexicon).items()
        }
        units = sorted(dict.fromkeys(unit for units in spelling.values() for unit in units), key=str)
        sizes: dict[Unit, int] = {SILENCE: self.silence_states, **dict.fromkeys(units, self.states)}
        return Inventory(sizes, spelling, skip=self.skip, pause=self.pause, short_pause=self.short_pause)

    @property
    def tuning(self) -> Tuning:
        """What is left to be chosen by the development part."""
        weight = self.language_model is not None and self.language_model.weight is None
        return Tuning(self.acoustic_scale is None, self.insertion_penalty is None, weight)

    @property
    def _language_weight(self) -> float | None:
        if self.language_model is None:
            return None
        return 1.0 if self.language_model.weight is None else self.language_model.weight
