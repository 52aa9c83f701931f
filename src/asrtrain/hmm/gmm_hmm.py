"""The classical recogniser: every state a mixture of Gaussians."""

from __future__ import annotations

from typing import Annotated, Literal, Self, final

import torch
from pydantic import Field, model_validator

from asrtrain.config import FilePath
from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.hmm.full_gaussians import FullGaussians
from asrtrain.hmm.gaussians import DiagonalGaussians, GaussianMixtures
from asrtrain.hmm.interface import HMMConfig, HMMModel
from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.lexicon import SpellingUnit, spellings
from asrtrain.hmm.word_models import WordModels

Count = Annotated[int, Field(gt=0)]
Covariance = Literal["diagonal", "full"]
_COVARIANCES: dict[Covariance, type[DiagonalGaussians | FullGaussians]] = {
    "diagonal": DiagonalGaussians,
    "full": FullGaussians,
}


@final
class GMMHMMConfig(HMMConfig):
    """Hidden Markov models with Gaussian mixtures, trained from transcripts alone by re-estimation: one pass over the
    data an epoch, the number of components doubled at equal distances. Wants data.unit: label or word.
    """

    name: Literal["gmm_hmm"] = "gmm_hmm"
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
    covariance: Covariance = "diagonal"
    """diagonal, or full: features are correlated within a component, at a cost that grows with their number squared."""
    mixtures: Count = 8
    """Components a state, reached from one by splitting."""
    silence_mixtures: Count | None = None
    """Components of a state of silence; null: as many as the others."""
    estimation: Literal["baum_welch", "viterbi"] = "baum_welch"
    """Whether all paths through the states count by their probability, or only the best one."""
    variance_floor: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """No variance falls below this share of the feature's variance over all frames."""
    occupancy_floor: Annotated[float, Field(ge=0)] = 3.0
    """A component that fewer frames belong to is dropped, and none is split into parts of fewer."""
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

    def build(self, input_size: int, vocabulary: Vocabulary) -> GMMHMM:
        """Build the model, whose Gaussians know nothing yet."""
        words = [symbol for symbol in vocabulary.symbols if symbol != BLANK]
        spelling = spellings(words, self.unit, self.lexicon)
        units = sorted({unit for units in spelling.values() for unit in units})
        sizes = {SILENCE: self.silence_states} | dict.fromkeys(units, self.states)
        inventory = Inventory(sizes, spelling, skip=self.skip, pause=self.pause, short_pause=self.short_pause)
        most = max(self.mixtures, self.silence_mixtures or 0)
        gaussians = _COVARIANCES[self.covariance](inventory.states, most, input_size)
        model = GMMHMM(WordModels(inventory, vocabulary), gaussians)
        if self.acoustic_scale is not None:
            model.words.acoustic_scale.fill_(self.acoustic_scale)
        if self.insertion_penalty is not None:
            model.words.insertion_penalty.fill_(self.insertion_penalty)
        return model


@final
class GMMHMM(HMMModel):
    """Words made of states, and a mixture of Gaussians for each; buffer ``variance`` (F,) is that of all frames."""

    variance: torch.Tensor

    def __init__(self, words: WordModels, gaussians: GaussianMixtures) -> None:
        super().__init__(words)
        self.gaussians = gaussians
        self.register_buffer("variance", torch.ones(gaussians.means.shape[2], dtype=torch.float64))

    def emissions(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Log densities (B, T, S)."""
        every = torch.arange(self.words.inventory.states, device=features.device)
        return self.emissions_of(features, every)

    def emissions_of(self, features: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Log densities of some states (P,) only: (B, T, P)."""
        frames = features.flatten(0, 1).to(self.gaussians.means)
        scores: torch.Tensor = self.gaussians(frames, states)
        return scores.view(*features.shape[:2], len(states))
