"""What another clipping rule would have done to the gradients of a run, from their norms alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from asrtrain.clipping import ClipRuleConfig, assemble_clipper
from asrtrain.clipping.interface import InsideRule, UpdateRule
from asrtrain.errors import UsageError
from asrtrain.lab.history import NormHistory, Numbers


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule does at each of S steps: its threshold, norm after by norm before, whether it changes anything.

    Each (S,). The norms stay those of the recorded run, which would have gone elsewhere with the rule: a forecast for
    the near future, not for another training.
    """

    thresholds: Numbers
    coefficients: Numbers
    clipped: npt.NDArray[np.bool_]

    @property
    def clipped_share(self) -> float:
        """The share of steps that were clipped."""
        return float(self.clipped.mean()) if len(self.clipped) else 0.0


def replay(rules: Sequence[ClipRuleConfig], history: NormHistory, *, seed: int = 0) -> Replay:
    """Send the norms of a history through fresh rules.

    Raises UsageError for rules that look at more than norms: at elements, weights, updates, or inside the model.
    """
    _check_that_norms_suffice(rules, history.names, seed)
    return _sent_through(rules, history, seed, _single)[0]


_Spread = Callable[[float, int], torch.Tensor]
"""From a norm and a number for chance, a gradient of that norm."""


def _single(norm: float, _: int) -> torch.Tensor:
    return torch.full((1, 1), norm, dtype=torch.float64)


def _scattered(norm: float, number: int) -> torch.Tensor:
    direction = torch.randn(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(number))
    scattered: torch.Tensor = norm * direction / direction.norm()
    return scattered


def _sent_through(
    rules: Sequence[ClipRuleConfig], history: NormHistory, seed: int, spread: _Spread
) -> tuple[Replay, Numbers]:
    """What the rules do to gradients of these norms, and the norms of every tensor afterwards, (S, N)."""
    clipper = assemble_clipper(rules, seed)
    parameters = {name: torch.nn.Parameter(spread(1.0, place)) for place, name in enumerate(history.names)}
    reports, after = [], []
    for step, norms in enumerate(history.norms):
        for place, (parameter, norm) in enumerate(zip(parameters.values(), norms.tolist(), strict=True)):
            parameter.grad = spread(norm, step * len(norms) + place)
        report = clipper(parameters.items())
        reports.append([float(report.threshold), float(report.coefficient), float(report.clipped)])
        after.append([float(parameter.grad.norm()) for parameter in parameters.values() if parameter.grad is not None])
    table = np.array(reports).reshape(-1, 3)
    return Replay(table[:, 0], table[:, 1], table[:, 2] > 0), np.array(after)


def _check_that_norms_suffice(rules: Sequence[ClipRuleConfig], names: tuple[str, ...], seed: int) -> None:
    """Try the rules on gradients of equal norms but different elements, sizes and weights: the norms must agree."""
    named = " and ".join(rule.name for rule in rules)
    acting = [rule.name for rule in rules if isinstance(rule.build(seed), InsideRule | UpdateRule)]
    if acting:
        raise UsageError(f"{acting[0]} does not act on the gradient of a step: what it would have done cannot be told")
    norms = np.random.default_rng(0).lognormal(sigma=2.0, size=(40, len(names)))
    norms[-10:] *= np.geomspace(1.0, 1e6, 10)[:, None]  # what rarely happens must show as well
    history = NormHistory(names, norms)
    single, scattered = (_sent_through(rules, history, seed, spread)[1] for spread in (_single, _scattered))
    if not np.allclose(single, scattered, rtol=1e-6, atol=0.0):
        raise UsageError(
            f"{named} looks at more than the norms of tensors, which is all that a run records; try it by training: "
            "asrtrain compare"
        )
