"""Gaussians with full covariances."""

from __future__ import annotations

import math
from typing import final

import torch

from asrtrain.hmm.gaussians import GaussianMixtures


@final
class FullGaussians(GaussianMixtures):
    """Features are correlated within a component; buffer ``covariance`` (S, M, F, F)."""

    covariance: torch.Tensor

    def __init__(self, states: int, components: int, size: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(states, components, size, dtype)
        self.register_buffer("covariance", torch.eye(size, dtype=dtype).repeat(states, components, 1, 1))

    def joint(self, frames: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """−½ |L⁻¹ (x − μ)|² with the Cholesky factor L of each covariance, component after component."""
        count, size = self.active, frames.shape[1]
        chosen = self.covariance[states, :count].flatten(0, 1)
        factors = torch.linalg.cholesky(chosen)
        whitening = torch.linalg.solve_triangular(factors, torch.eye(size).to(factors).expand_as(factors), upper=False)
        centres = (whitening @ self.means[states, :count].flatten(0, 1)[:, :, None])[:, :, 0]
        distances = torch.stack(
            [(frames @ w.T - centre).square().sum(1) for w, centre in zip(whitening, centres, strict=True)], 1
        )
        log_determinants = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(1)
        densities = -0.5 * (size * math.log(2 * math.pi) + log_determinants + distances)
        joint: torch.Tensor = densities.view(-1, len(states), count) + self.log_weights[states, :count]
        return joint

    def moments(self, frames: torch.Tensor, occupancy: torch.Tensor) -> torch.Tensor:
        return torch.stack([((frames * column[:, None]).T @ frames).double() for column in occupancy.T])

    def set_covariances(self, covariances: torch.Tensor, chosen: torch.Tensor) -> None:
        self.covariance[chosen] = covariances[chosen].to(self.covariance)

    def covariances(self) -> torch.Tensor:
        return self.covariance

    def variances(self) -> torch.Tensor:
        return self.covariance.diagonal(dim1=2, dim2=3)
