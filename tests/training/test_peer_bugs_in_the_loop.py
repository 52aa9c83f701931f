"""What other trainers get wrong around the clipping of a step, on real speech; here the right thing happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_steps import joined, updater, weights
from training_recipe import ingredients

from asrtrain.training import Ingredients, TrainingConfig

LENGTH = 1e-3
SGD = {"name": "sgd", "lr": 1.0, "momentum": 0.0}


@pytest.fixture
def build(fsdd: Path, cache: Path):
    def build(**changes: Any) -> Ingredients:
        model = {"name": "gru", "hidden_size": 8, "dropout": 0.0}
        clipping = {"name": "norm", "threshold": LENGTH}
        options = {"model": model, "optimizer": SGD, "augment": False, "clipping": clipping}
        return ingredients(fsdd, cache, TrainingConfig(batch_size=8), **{**options, **changes})

    return build


def moved(parts: Ingredients, before: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([(before[name] - tensor).double().flatten() for name, tensor in weights(parts).items()])


def test_accumulated_batches_are_clipped_once_and_together(build):
    """transformers, diffusers, lingua, accelerate: every micro-batch is clipped, [2,0] + [0,2] points elsewhere."""
    whole, parted = build(), build()
    batches = list(whole.batches.epoch(0))[:3]
    steps = []
    for parts, window in ((whole, [joined(batches)]), (parted, batches)):
        before = weights(parts)
        updater(parts)(window)
        steps.append(moved(parts, before))
    assert float(steps[1].norm()) == pytest.approx(LENGTH, rel=1e-3)
    assert float(torch.cosine_similarity(*steps, dim=0)) > 1 - 1e-5


def test_gradients_are_unscaled_before_they_are_clipped(build):
    """Nine projects clip the scaled gradient: it seems 65,536 times as long, the update is as many times too short."""
    full, half = build(), build()
    batch = next(full.batches.epoch(0))
    norms = []
    for parts, precision in ((full, "fp32"), (half, "fp16")):
        before = weights(parts)
        report = updater(parts, precision=precision)([batch])
        norms.append(float(report.norm))
        assert float(moved(parts, before).norm()) == pytest.approx(LENGTH, rel=1e-2)
    assert norms[1] == pytest.approx(norms[0], rel=0.05)


def test_the_clip_comes_before_the_step(build):
    """onsets-and-frames clips after the optimiser, nano-world-model before the gradient: nothing is limited."""
    parts = build()
    before = weights(parts)
    report = updater(parts)([next(parts.batches.epoch(0))])
    assert float(report.norm) > 10 * LENGTH
    assert float(moved(parts, before).norm()) == pytest.approx(LENGTH, rel=1e-3)
