"""Of the batches that made a step together, the one that was worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from asrtrain.diagnosis.replay import Network, replay, replaying
from asrtrain.training.injection import Planted
from asrtrain.training.trace import generator_states
from asrtrain.types import Batch


def worst_batch(
    network: Network, window: Sequence[Batch], generators: Mapping[str, torch.Tensor], planted: Planted
) -> tuple[Batch, Mapping[str, torch.Tensor]]:
    """The batch whose gradient is not finite, or else the largest, and the generators' states from before it."""
    device = window[0].features.device
    found, severity = (window[0], generators), -math.inf
    if len(window) == 1:
        return found
    with replaying(network.model, device, generators):
        for batch in window:
            states = generator_states(device)
            norm = replay(network, batch, planted).norm
            here = norm if math.isfinite(norm) else math.inf
            if here > severity:
                found, severity = (batch, states), here
    return found
