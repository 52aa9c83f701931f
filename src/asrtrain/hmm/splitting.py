"""Mixtures grow by splitting: the heaviest component becomes two, a little apart, until there are enough."""

from __future__ import annotations

import torch

from asrtrain.hmm.gaussians import GaussianMixtures
from asrtrain.hmm.graph import IMPOSSIBLE

APART = 0.2
"""How far the two halves are moved, in standard deviations."""


@torch.no_grad()
def split(
    gaussians: GaussianMixtures,
    wanted: torch.Tensor,
    occupancy: torch.Tensor,
    least: float,
    generator: torch.Generator,
) -> None:
    """Split the heaviest components of each mixture until it has ``wanted`` (S,) of them, at most M.

    ``occupancy`` (S,) frames were seen in each state: no half is made that would have fewer than ``least``. The halves
    lie on both sides of the old mean, in a random direction.
    """
    for state, (target, frames) in enumerate(zip(wanted.tolist(), occupancy.tolist(), strict=True)):
        weights = gaussians.log_weights[state]
        for place in range(int((weights > IMPOSSIBLE).sum()), int(target)):
            heaviest = int(weights.argmax())
            if frames * float(weights[heaviest].exp()) < 2 * least:
                break
            _split_one(gaussians, state, heaviest, place, generator)


def _split_one(gaussians: GaussianMixtures, state: int, old: int, new: int, generator: torch.Generator) -> None:
    for buffer in gaussians.buffers():
        buffer[state, new] = buffer[state, old]
    means = gaussians.means
    direction = torch.randn(means.shape[2], generator=generator, dtype=torch.float64).to(means)
    step = APART * direction * gaussians.variances()[state, old].sqrt()
    means[state, old] -= step
    means[state, new] += step
    gaussians.log_weights[state, [old, new]] -= torch.tensor(2.0).log().item()
