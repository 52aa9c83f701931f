"""What every head of hidden Markov models is: words made of states, and something that scores the states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

import torch

from asrtrain.config.run import Run
from asrtrain.heads.interface import Head, RecogniserConfig
from asrtrain.hmm.likelihood import negative_log_likelihood
from asrtrain.hmm.tuning import Tuning, tune_confidence, tune_search
from asrtrain.hmm.word_models import WordModels
from asrtrain.hmm.words import WordSearch
from asrtrain.language.models import LanguageModelConfig
from asrtrain.search import GreedyClasses, Search
from asrtrain.types import Batch, Frames, Part, Scores


class HMMHead(Head[Scores], ABC):
    """Scores states by Gaussian mixtures or by a network.

    Single words (the unit ``label``) are scored whole, (B, V); connected words by state and frame, (B, T, S).
    """

    def __init__(self, words: WordModels, tuning: Tuning, language_model: LanguageModelConfig | None) -> None:
        super().__init__(words.vocabulary, "classes" if words.vocabulary.unit == "label" else "states")
        self.words = words
        self._tuning, self._language_model = tuning, language_model

    @property
    def classifies(self) -> bool:
        """Whether single words are told apart."""
        return self.reading == "classes"

    @abstractmethod
    def emissions(self, frames: Frames) -> torch.Tensor:
        """Log p(frame | state), up to a constant a frame: (B, T, S)."""

    def scorer(self, frames: Frames) -> Scores:
        emissions = self.emissions(frames)
        if not self.classifies:
            return Scores(emissions, frames.lengths)
        return Scores(self.words.acoustic_scale * self.words.word_scores(emissions, frames.lengths), frames.lengths)

    def part(self, frames: Frames, batch: Batch) -> Part:
        """The negative log-likelihood of a frame, of single words too.

        (Cross-entropy between words is all but 0 as soon as they are told apart, and would choose a pass by chance.)
        """
        return self.judged(frames, batch)[0]

    def judged(self, frames: Frames, batch: Batch) -> tuple[Part, Scores]:
        scores = self.scorer(frames)
        return negative_log_likelihood(self.words, scores, self.targets(batch)), scores

    def search(self) -> Search[Scores]:
        return GreedyClasses(self.tokens.symbols) if self.classifies else WordSearch(self.words)

    @property
    def needs_frames(self) -> bool:
        return True

    def frames_needed(self, symbols: Sequence[int]) -> int:
        return self.words.frames_needed(symbols)

    def prepare(self, transcripts: Iterable[str]) -> None:
        """Learn the language model, if there is one."""
        if self._language_model is not None and self.words.language is not None:
            self.words.language.take(self._language_model.bigrams(self.words.sayable, transcripts))

    @property
    def tuned(self) -> bool:
        return True

    def tune(self, scored: Sequence[tuple[Batch, Scores]], errors: Callable[[], int]) -> None:
        if not self.classifies:
            tune_search(self.words, errors, self._tuning)
        elif self._tuning.scale:
            tune_confidence(self.words, [(scores, self.targets(batch)) for batch, scores in scored])


class HMMConfig(RecogniserConfig, ABC):
    """Settings of a recogniser with hidden Markov models."""

    def check_with(self, run: Run) -> None:
        if run.value("data.unit") == "char":
            raise ValueError(
                f"model {self.name} recognises words, but data.unit is char; "
                "write data.unit: word, or label for single words (model.unit: char spells them in characters)"
            )
        if run.value("training.sharding") != "none":
            raise ValueError(f"model {self.name} is trained whole: leave training.sharding out")
