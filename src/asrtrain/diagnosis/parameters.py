"""Weights that are not as weights should be."""

from __future__ import annotations

import torch
from torch import nn

from asrtrain.diagnosis.facts import ParameterFacts

_OUTLIER = 1e3
"""A weight so many times larger than half of its fellows at least, and larger than 10, was not learned."""
_LARGE = 10.0
_FELLOWS = 16


def odd_parameters(model: nn.Module) -> tuple[ParameterFacts, ...]:
    """Parameters with weights that are not finite, or out of all proportion; the former first."""
    found = []
    for name, parameter in model.named_parameters():
        magnitudes = parameter.detach().abs().flatten().double()
        fine = magnitudes[torch.isfinite(magnitudes)]
        lost = len(magnitudes) - len(fine)
        largest, usual = (float(fine.max()), float(fine.median())) if len(fine) else (0.0, 0.0)
        outlier = len(fine) >= _FELLOWS and largest > max(_LARGE, _OUTLIER * usual) and usual > 0
        if lost or outlier:
            found.append(ParameterFacts(name, lost, largest, usual))
    return tuple(sorted(found, key=lambda fact: not fact.not_finite))


def owner(parameter: str) -> str:
    """The module that a parameter belongs to."""
    return parameter.rpartition(".")[0]
