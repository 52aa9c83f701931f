"""What every recogniser with hidden Markov models is: an acoustic model whose scores are searched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch

from asrtrain.config import Config
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.decoding import GreedyClasses
from asrtrain.decoding.interface import Decoder
from asrtrain.hmm.decoder import WordDecoder
from asrtrain.hmm.likelihood import NegativeLogLikelihood
from asrtrain.hmm.word_models import Transcript, WordModels
from asrtrain.models.interface import AcousticModel
from asrtrain.objectives.interface import Objective
from asrtrain.types import Scores


class HMMModel(AcousticModel, ABC):
    """Words made of states, and something that scores the states: Gaussian mixtures, or a network.

    Single words (the unit ``label``) are scored whole, (B, V); connected words by state and frame, (B, T, S).
    """

    def __init__(self, words: WordModels) -> None:
        super().__init__()
        self.words = words
        self.classifies = words.vocabulary.unit == "label"

    @abstractmethod
    def emissions(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Log p(frame | state), up to a constant a frame: features (B, T, F) and lengths (B,) to (B, T, S)."""

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """Score a batch."""
        emissions = self.emissions(features, lengths)
        if not self.classifies:
            return Scores(emissions, lengths)
        return Scores(self.words.acoustic_scale * self.words.word_scores(emissions, lengths), lengths)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """T: every frame is scored."""
        return lengths

    def decoder(self) -> Decoder:
        """What takes this model's scores to text."""
        return GreedyClasses(self.words.vocabulary.symbols) if self.classifies else WordDecoder(self.words)

    def objective(self) -> Objective:
        """What the development loss is: the negative log-likelihood of a frame, of single words too.

        (Cross-entropy between words is all but 0 as soon as they are told apart, and would choose a pass by chance.)
        """
        return NegativeLogLikelihood(self.words)

    @torch.no_grad()
    def align(self, features: torch.Tensor, lengths: torch.Tensor, transcripts: Sequence[Transcript]) -> torch.Tensor:
        """The state of every frame, as ``WordModels.align`` says: (B, T) int64."""
        return self.words.align(self.emissions(features, lengths), lengths, transcripts)


class HMMConfig(Config, ABC):
    """Settings of a recogniser with hidden Markov models."""

    name: str

    @abstractmethod
    def build(self, input_size: int, vocabulary: Vocabulary) -> HMMModel:
        """Build the model for F = ``input_size``. Raises UsageError, DataError."""

    @abstractmethod
    def count_states(self, vocabulary: Vocabulary) -> int:
        """S: how many states are scored for the words of a vocabulary, before any is made. Raises DataError."""

    @abstractmethod
    def least_bytes(self, input_size: int, vocabulary: Vocabulary) -> int:
        """Memory that the model takes at least, apart from a network, before any is taken. Raises DataError."""
