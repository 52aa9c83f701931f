"""The classical recogniser: every state a mixture of Gaussians."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.config.run import Run
from asrtrain.data.vocabulary import Vocabulary
from asrtrain.encoders.features import FeaturesConfig
from asrtrain.encoders.interface import EncoderConfig, Top
from asrtrain.heads.interface import HeadBuilder, HeadConfig
from asrtrain.hmm.decision_tree import TreeConfig
from asrtrain.hmm.full_gaussians import FullGaussians
from asrtrain.hmm.gaussians import DiagonalGaussians, GaussianMixtures
from asrtrain.hmm.interface import HMMHead
from asrtrain.hmm.topology import Count, TopologyConfig
from asrtrain.hmm.tuning import Tuning
from asrtrain.hmm.word_models import WordModels
from asrtrain.language.models import LanguageModelConfig
from asrtrain.types import Frames

Covariance = Literal["diagonal", "full"]
_COVARIANCES: dict[Covariance, type[DiagonalGaussians | FullGaussians]] = {
    "diagonal": DiagonalGaussians,
    "full": FullGaussians,
}

_OF_GRADIENTS = (
    "objective",
    "optimizer",
    "schedule",
    "clipping",
    *(f"training.{key}" for key in ("max_steps", "accum_grad", "precision", "average", "ema", "l1", "l2")),
)
"""Keys that are idle where there are no gradients."""


@final
class GMMHMMConfig(TopologyConfig):
    """Hidden Markov models with Gaussian mixtures, trained from transcripts alone by re-estimation: one pass over the
    data an epoch, the number of components doubled at equal distances. Wants data.unit: label or word.
    """

    name: Literal["gmm_hmm"] = "gmm_hmm"
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

    tree: TreeConfig = TreeConfig()
    """With context: triphone, when the decision tree that ties their states stops to grow; see also max_states."""

    @property
    def encoder(self) -> EncoderConfig:
        """The features as they are."""
        return FeaturesConfig()

    @property
    def is_reestimated(self) -> bool:
        return True

    def check_with(self, run: Run) -> None:
        super().check_with(run)
        if idle := run.changed(*_OF_GRADIENTS):
            raise ValueError(f"model {self.name} is trained without gradients: leave {', '.join(idle)} out")
        if run.value("training.patience") is not None:
            raise ValueError(
                f"training.patience: mixtures of {self.name} grow until the last pass, which tunes the search: "
                "leave it out, and give fewer training.max_epochs"
            )

    def head(self, objective: HeadConfig) -> HeadBuilder:
        """The head, by itself: there is one way to train it."""
        return self

    def build(self, input_size: int, tokens: Vocabulary, top: Top, *, stride: int) -> MixturesHead:
        """Build the head, whose Gaussians know nothing yet."""
        words = self.build_words(tokens)
        gaussians = _COVARIANCES[self.covariance](words.distributions, self._most, input_size)
        return MixturesHead(words, gaussians, self.tuning, self.language_model)

    def _scoring_bytes(self, input_size: int) -> int:
        """A weight, a mean and a covariance for each component, in float32."""
        covariance = input_size**2 if self.covariance == "full" else input_size
        return 4 * self._most * (1 + input_size + covariance)

    @property
    def _most(self) -> int:
        return max(self.mixtures, self.silence_mixtures or 0)


@final
class MixturesHead(HMMHead):
    """Words made of states, and a mixture of Gaussians for each; buffer ``variance`` (F,) is that of all frames."""

    variance: torch.Tensor

    def __init__(
        self,
        words: WordModels,
        gaussians: GaussianMixtures,
        tuning: Tuning,
        language_model: LanguageModelConfig | None = None,
    ) -> None:
        super().__init__(words, tuning, language_model)
        self.gaussians = gaussians
        self.register_buffer("variance", torch.ones(gaussians.means.shape[2], dtype=torch.float64))

    def emissions(self, frames: Frames) -> torch.Tensor:
        """Log densities (B, T, S)."""
        every = torch.arange(self.words.used, device=frames.values.device)
        return self.emissions_of(frames.values, every)

    def emissions_of(self, features: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Log densities of some states (P,) only: (B, T, P)."""
        frames = features.flatten(0, 1).to(self.gaussians.means)
        scores: torch.Tensor = self.gaussians(frames, states)
        return scores.view(*features.shape[:2], len(states))
