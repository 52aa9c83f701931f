"""The maximisation step of Baum-Welch and of segmental training: new parameters from statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from asrtrain.hmm.gaussians import GaussianMixtures
from asrtrain.hmm.graph import IMPOSSIBLE
from asrtrain.hmm.statistics import Statistics


@final
@dataclass(frozen=True, slots=True)
class Floors:
    """What no estimate falls below: ``variance`` (F,) of each feature; ``occupancy``, the frames that a component needs
    to be estimated at all (of less it keeps its Gaussian, and of a mixture's many it is dropped); ``transition``, a
    probability.
    """

    variance: torch.Tensor
    occupancy: float = 0.0
    transition: float = 0.0


@torch.no_grad()
def reestimate(gaussians: GaussianMixtures, statistics: Statistics, floors: Floors) -> None:
    """Set weights, means and covariances to those that the counted frames are most probable with (Rabiner, 1989)."""
    enough = statistics.occupancy > max(floors.occupancy, 1e-10)
    # The last component of a mixture stays, however little it has seen.
    largest = torch.zeros_like(enough).scatter_(1, statistics.occupancy.argmax(1, keepdim=True), True)
    count = statistics.occupancy.clamp(min=1e-10)
    means = statistics.first / count[:, :, None]
    if statistics.second.dim() == 3:
        covariances = (statistics.second / count[:, :, None] - means.square()).maximum(floors.variance)
    else:
        products = means[..., :, None] * means[..., None, :]
        covariances = _floored(statistics.second / count[:, :, None, None] - products, floors.variance)
    gaussians.means[enough] = means[enough].to(gaussians.means)
    gaussians.set_covariances(covariances, enough)
    seen = statistics.occupancy.sum(1) > 1e-10
    kept = torch.where(enough | largest, statistics.occupancy, 0.0)
    weights = (kept / kept.sum(1, keepdim=True)).log().clamp(min=IMPOSSIBLE)
    gaussians.log_weights[seen] = weights[seen].to(gaussians.log_weights)
    _move_dropped_behind(gaussians)


@torch.no_grad()
def reestimate_transitions(transitions: torch.Tensor, counts: torch.Tensor, floor: float) -> None:
    """Set ``transitions`` (S, 3), logarithms, in place; the impossible stays so, states never seen as they are."""
    allowed = transitions > IMPOSSIBLE
    seen = counts.sum(1) > 1e-10
    shares = torch.where(allowed, (counts / counts.sum(1, keepdim=True).clamp(min=1e-10)).clamp(min=floor), 0.0)
    logs = (shares / shares.sum(1, keepdim=True)).log().clamp(min=IMPOSSIBLE)
    transitions[seen] = logs[seen].to(transitions)


def _floored(covariances: torch.Tensor, floor: torch.Tensor) -> torch.Tensor:
    """Covariances (…, F, F) whose eigenvalues, in units of the floor, are at least 1."""
    scale = floor.sqrt()
    values, vectors = torch.linalg.eigh(covariances / (scale[:, None] * scale))
    floored = (vectors * values.clamp(min=1.0)[..., None, :]) @ vectors.transpose(-1, -2)
    rescaled: torch.Tensor = floored * (scale[:, None] * scale)
    return rescaled


def _move_dropped_behind(gaussians: GaussianMixtures) -> None:
    """Components that are there come first in every mixture, in their order."""
    present = gaussians.log_weights > IMPOSSIBLE
    order = torch.argsort((~present).long(), dim=1, stable=True)
    if bool((order == torch.arange(order.shape[1], device=order.device)).all()):
        return
    rows = torch.arange(len(order), device=order.device)[:, None]
    for buffer in gaussians.buffers():
        buffer.copy_(buffer[rows, order].clone())
