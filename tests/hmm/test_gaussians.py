"""Densities of mixtures beside torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

from asrtrain.hmm.full_gaussians import FullGaussians
from asrtrain.hmm.gaussians import DiagonalGaussians, GaussianMixtures
from asrtrain.hmm.graph import IMPOSSIBLE

STATES, COMPONENTS, SIZE = 3, 4, 5


def mixtures(kind: type[GaussianMixtures], dtype: torch.dtype) -> GaussianMixtures:
    generator = torch.Generator().manual_seed(0)
    found = kind(STATES, COMPONENTS, SIZE, dtype)
    found.means.copy_(torch.randn(found.means.shape, generator=generator))
    found.log_weights[:, :3] = torch.randn(STATES, 3, generator=generator, dtype=torch.float64).log_softmax(1)
    found.log_weights[:, 3] = IMPOSSIBLE
    roots = torch.randn(STATES, COMPONENTS, SIZE, SIZE, generator=generator)
    full = roots @ roots.transpose(2, 3) / SIZE + torch.eye(SIZE)
    wanted = full if kind is FullGaussians else full.diagonal(dim1=2, dim2=3)
    found.set_covariances(wanted, torch.ones(STATES, COMPONENTS, dtype=torch.bool))
    return found


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
@pytest.mark.parametrize("kind", [DiagonalGaussians, FullGaussians])
def test_densities(kind: type[GaussianMixtures], dtype: torch.dtype, atol: float) -> None:
    ours = mixtures(kind, dtype)
    frames = 2 * torch.randn(50, SIZE, generator=torch.Generator().manual_seed(1), dtype=dtype)
    found = ours(frames, torch.tensor([2, 0]))
    covariances = ours.covariances().double()
    for column, state in enumerate([2, 0]):
        own = covariances[state, :3]
        means = ours.means[state, :3].double()
        parts = Independent(Normal(means, own.sqrt()), 1) if own.dim() == 2 else MultivariateNormal(means, own)
        mixture = MixtureSameFamily(Categorical(logits=ours.log_weights[state, :3].double()), parts)
        torch.testing.assert_close(found[:, column].double(), mixture.log_prob(frames.double()), rtol=0, atol=atol)


def test_components_that_are_not_there_cost_nothing() -> None:
    ours = mixtures(DiagonalGaussians, torch.float32)
    assert ours.joint(torch.zeros(2, SIZE), torch.arange(STATES)).shape == (2, STATES, 3)
