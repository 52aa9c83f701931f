"""Every utterance of a step on its own: what it is, and how much it adds."""

from __future__ import annotations

import torch

from asrtrain.diagnosis.facts import FeatureFacts, UtteranceFacts
from asrtrain.diagnosis.replay import Network, Pass, replay
from asrtrain.heads.feasibility import adjacent_repeats
from asrtrain.training.injection import Planted
from asrtrain.training.trace import frozen_statistics, generator_states, set_generators
from asrtrain.types import Batch

_QUIET = 0.1
"""The lowest tenth of the range of levels counts as silence."""


def alone(network: Network, batch: Batch, planted: Planted) -> list[Pass]:
    """Replay each utterance by itself, all with the same random numbers; they do not know of each other."""
    device = batch.features.device
    generators = generator_states(device)
    passes = []
    with frozen_statistics(network.model):
        for row in range(len(batch.ids)):
            set_generators(generators, device)
            passes.append(replay(network, batch.select([row]), planted))
    return passes


def utterance_facts(network: Network, batch: Batch, passes: list[Pass]) -> tuple[UtteranceFacts, ...]:
    """The facts of every utterance; ``batch`` is what was trained on, planted faults included."""
    scored, targets = network.model.output_lengths(batch.lengths), network.model.head.targets(batch)
    repeats = adjacent_repeats(targets.values, targets.lengths)
    return tuple(
        UtteranceFacts(
            name,
            passes[row].loss,
            passes[row].norm,
            int(batch.lengths[row]),
            int(scored[row]),
            int(targets.lengths[row]),
            int(repeats[row]),
            bool(passes[row].counted[0]),
            feature_facts(batch.features[row, : int(batch.lengths[row])]),
        )
        for row, name in enumerate(batch.ids)
    )


def feature_facts(features: torch.Tensor) -> FeatureFacts:
    """The facts of one utterance's features (T, F)."""
    fine = torch.isfinite(features)
    lost = torch.nonzero(~fine.all(1)).flatten().tolist()
    values = features[fine].double()
    if not len(values):
        return FeatureFacts(0.0, 0.0, 0.0, 0.0, int((~fine).sum()), lost[0] if lost else None, False, 0.0)
    levels = features[fine.all(1), 0].double()
    low, high = (float(levels.min()), float(levels.max())) if len(levels) else (0.0, 0.0)
    quiet = float((levels < low + _QUIET * (high - low)).double().mean()) if high > low else 0.0
    return FeatureFacts(
        float(values.min()),
        float(values.max()),
        float(values.mean()),
        float(values.std(unbiased=False)),
        int((~fine).sum()),
        lost[0] if lost else None,
        bool((values == values[0]).all()),
        quiet,
    )


def outstanding(facts: tuple[UtteranceFacts, ...], least: float) -> list[int]:
    """The places of those whose gradient is, as a logarithm, nearer to the largest than to the median one's.

    None, where the largest is not ``least`` orders of magnitude above the median. What is not finite is above all.
    """
    norms = torch.tensor([fact.norm + 0.0 * fact.loss for fact in facts], dtype=torch.float64)
    lost = torch.nonzero(~torch.isfinite(norms)).flatten().tolist()
    if lost:
        return lost
    levels = norms.clamp(min=1e-30).log10()
    usual, largest = levels.median(), levels.max()
    if largest - usual < least:
        return []
    return torch.nonzero(levels >= (usual + largest) / 2).flatten().tolist()
