"""The classical recogniser: every state a mixture of Gaussians."""

from __future__ import annotations

from typing import Annotated, Literal, final

import torch
from pydantic import Field

from asrtrain.data.vocabulary import Vocabulary
from asrtrain.hmm.decision_tree import TreeConfig
from asrtrain.hmm.full_gaussians import FullGaussians
from asrtrain.hmm.gaussians import DiagonalGaussians, GaussianMixtures
from asrtrain.hmm.interface import HMMModel
from asrtrain.hmm.topology import Count, TopologyConfig
from asrtrain.hmm.word_models import WordModels

Covariance = Literal["diagonal", "full"]
_COVARIANCES: dict[Covariance, type[DiagonalGaussians | FullGaussians]] = {
    "diagonal": DiagonalGaussians,
    "full": FullGaussians,
}


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

    def build(self, input_size: int, vocabulary: Vocabulary) -> GMMHMM:
        """Build the model, whose Gaussians know nothing yet."""
        words = self.build_words(vocabulary)
        return GMMHMM(words, _COVARIANCES[self.covariance](words.distributions, self._most, input_size))

    def _scoring_bytes(self, input_size: int) -> int:
        """A weight, a mean and a covariance for each component, in float32."""
        covariance = input_size**2 if self.covariance == "full" else input_size
        return 4 * self._most * (1 + input_size + covariance)

    @property
    def _most(self) -> int:
        return max(self.mixtures, self.silence_mixtures or 0)


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
        every = torch.arange(self.words.used, device=features.device)
        return self.emissions_of(features, every)

    def emissions_of(self, features: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Log densities of some states (P,) only: (B, T, P)."""
        frames = features.flatten(0, 1).to(self.gaussians.means)
        scores: torch.Tensor = self.gaussians(frames, states)
        return scores.view(*features.shape[:2], len(states))
