"""Which parameters decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn


def parameter_groups(parameters: Iterable[tuple[str, nn.Parameter]]) -> list[dict[str, Any]]:
    """Split named parameters into torch groups: matrices decay as the optimiser says, biases and norms not at all.

    A vector (a bias, the gain or offset of a normalisation) holds one number a unit; pulling it to zero only shifts the
    unit (Loshchilov and Hutter, 2019, leave the choice open; this one is common). Frozen parameters are left out.
    """
    trained = [parameter for _, parameter in parameters if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.ndim > 1]
    undecayed = [parameter for parameter in trained if parameter.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": undecayed, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
