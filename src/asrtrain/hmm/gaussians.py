"""Mixtures of Gaussians, one a state of the model: what a state thinks of a frame."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

import torch
from torch import nn

from asrtrain.hmm.graph import IMPOSSIBLE


class GaussianMixtures(nn.Module, ABC):
    """S mixtures of up to M Gaussians over F features: buffers ``log_weights`` (S, M), ``means`` (S, M, F) and the
    covariances of a subclass. A component of weight 0 (its logarithm ``IMPOSSIBLE``) is not there yet, or no more.

    Densities are computed in the buffers' precision: float32 is quick and right to 1e-4 on normalised features,
    float64 is for tests and for features of odd scales.
    """

    log_weights: torch.Tensor
    means: torch.Tensor

    def __init__(self, states: int, components: int, size: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        weights = torch.full((states, components), IMPOSSIBLE, dtype=dtype)
        weights[:, 0] = 0.0
        self.register_buffer("log_weights", weights)
        self.register_buffer("means", torch.zeros(states, components, size, dtype=dtype))

    @property
    def active(self) -> int:
        """How many components any mixture has: the others are last, and nothing is computed for them."""
        return max(1, int((self.log_weights > IMPOSSIBLE).sum(1).max()))

    @abstractmethod
    def joint(self, frames: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Log (weight · density) of each active component: frames (T, F) and states (P,) to (T, P, M)."""

    @abstractmethod
    def moments(self, frames: torch.Tensor, occupancy: torch.Tensor) -> torch.Tensor:
        """Σ over frames of occupancy times what the covariances are estimated from: frames (T, F) and occupancy (T, C)
        to (C, F) squares or (C, F, F) products, float64.
        """

    @abstractmethod
    def set_covariances(self, covariances: torch.Tensor, chosen: torch.Tensor) -> None:
        """Take new (S, M, F) variances or (S, M, F, F) covariances where ``chosen`` (S, M)."""

    @abstractmethod
    def covariances(self) -> torch.Tensor:
        """(S, M, F) variances or (S, M, F, F) covariances."""

    @abstractmethod
    def variances(self) -> torch.Tensor:
        """The variance of each feature: (S, M, F)."""

    def forward(self, frames: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Log Σ over components: frames (T, F) and states (P,) to (T, P)."""
        return torch.logsumexp(self.joint(frames, states), 2)


@final
class DiagonalGaussians(GaussianMixtures):
    """Features are independent within a component; buffer ``variance`` (S, M, F)."""

    variance: torch.Tensor

    def __init__(self, states: int, components: int, size: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(states, components, size, dtype)
        self.register_buffer("variance", torch.ones(states, components, size, dtype=dtype))

    def joint(self, frames: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """−½ Σ (x − μ)² / σ² as one product of matrices: [x², x] with [−½ / σ², μ / σ²]."""
        count, size = self.active, frames.shape[1]
        means, precision = self.means[states, :count], 1 / self.variance[states, :count]
        constants = self.log_weights[states, :count] - 0.5 * (
            size * math.log(2 * math.pi) - precision.log().sum(2) + (means.square() * precision).sum(2)
        )
        factors = torch.cat([-0.5 * precision, means * precision], 2).flatten(0, 1)
        inputs = torch.cat([frames.square(), frames], 1)
        return torch.addmm(constants.flatten(), inputs, factors.T).view(-1, len(states), count)

    def moments(self, frames: torch.Tensor, occupancy: torch.Tensor) -> torch.Tensor:
        return (occupancy.T @ frames.square()).double()

    def set_covariances(self, covariances: torch.Tensor, chosen: torch.Tensor) -> None:
        self.variance[chosen] = covariances[chosen].to(self.variance)

    def covariances(self) -> torch.Tensor:
        return self.variance

    def variances(self) -> torch.Tensor:
        return self.variance
