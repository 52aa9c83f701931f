"""The decision tree that ties states of triphones (Young, Odell and Woodland, 1994).

Triphones are too many to have Gaussians each: of most there are too few frames, of some none. A tree asks for their
neighbours, question by question, and all that give the same answers share a state. Every question is the one after
which the frames are most probable, if either part has one Gaussian.

Frames are known by their ``sums`` (…, 1 + 2F), float64: how many there are, and the sums of their features and of these
squared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, final

import torch
from pydantic import Field

from asrtrain.config import Config


@final
class TreeConfig(Config):
    """When the decision tree that ties states of triphones stops to grow."""

    min_gain: Annotated[float, Field(ge=0)] = 200.0
    """A question must raise the log-likelihood of the training frames by as much, in nats."""
    min_occupancy: Annotated[float, Field(gt=0)] = 100.0
    """Both parts must have so many frames."""


@final
@dataclass(frozen=True, slots=True)
class Split:
    """The best question for a leaf, −1 where there is none, and the log-likelihood that is gained by it."""

    question: int
    gain: float


def log_likelihood(sums: torch.Tensor, floor: torch.Tensor) -> torch.Tensor:
    """Log p of the frames of each group under the group's own Gaussian, of variances (F,) at least ``floor``: (…)."""
    count = sums[..., 0]
    first, second = (sums[..., 1:] / count.clamp(min=1e-10)[..., None]).chunk(2, -1)
    own = second - first.square()
    variance = own.maximum(floor)
    return -0.5 * count * ((2 * math.pi * variance).log() + own / variance).sum(-1)


def best_split(sums: torch.Tensor, answers: torch.Tensor, floor: torch.Tensor, least: float) -> Split:
    """The best of Q questions for ``sums`` (N, 1 + 2F), by ``answers`` (Q, N): no part has fewer than ``least``."""
    total = sums.sum(0)
    yes = answers.to(sums) @ sums
    no = total - yes
    gains = log_likelihood(yes, floor) + log_likelihood(no, floor) - log_likelihood(total, floor)
    gains[torch.minimum(yes[:, 0], no[:, 0]) < least] = -math.inf
    gain, question = gains.max(0)
    return Split(int(question) if gain > -math.inf else -1, float(gain))


def grow(
    roots: Sequence[torch.Tensor],
    sums: torch.Tensor,
    answers: torch.Tensor,
    settings: TreeConfig,
    *,
    floor: torch.Tensor,
    most: int,
) -> list[torch.Tensor]:
    """Split ``roots``, rows of ``sums`` (L, 1 + 2F), by ``answers`` (Q, L): the rows of every leaf.

    The question that gains most of all comes first, until there are ``most`` leaves or none gains enough. Rows without
    frames go where the answers lead them.
    """

    def ask(rows: torch.Tensor) -> Split:
        return best_split(sums[rows], answers[:, rows], floor, settings.min_occupancy)

    leaves, splits = list(roots), [ask(rows) for rows in roots]
    while len(leaves) < most:
        place = max(range(len(splits)), key=lambda at: splits[at].gain)
        if splits[place].question < 0 or splits[place].gain < settings.min_gain:
            break
        rows = leaves[place]
        answer = answers[splits[place].question, rows]
        leaves[place] = rows[answer]
        leaves.append(rows[~answer])
        splits[place] = ask(leaves[place])
        splits.append(ask(leaves[-1]))
    return leaves
