"""Coupled L1 and L2, inside the clip and outside of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_recipe import CPU, ingredients

from asrtrain.training import TrainingConfig
from asrtrain.training.step import Updater


@pytest.fixture
def length_of_update(fsdd: Path, cache: Path):
    """How far one step of plain descent at rate 1 moves the weights, with the norm clipped to 1."""

    def length_of_update(**settings: Any) -> float:
        parts = ingredients(
            fsdd,
            cache,
            TrainingConfig(batch_size=8),
            model={"name": "gru", "hidden_size": 8, "dropout": 0.0},
            optimizer={"name": "sgd", "lr": 1.0, "momentum": 0.0},
            clipping={"name": "norm", "threshold": 1.0},
            augment=False,
        )
        before = [parameter.detach().clone() for parameter in parts.model.parameters()]
        matrices = torch.cat([p.flatten() for p in before if p.dim() >= 2])
        # A penalty fifteen times as long as the threshold, of weights as they are when training begins.
        coupled = {"l2": 15.0 / float(matrices.norm()), "l1": 0.0} | settings
        report = Updater(parts, TrainingConfig(**coupled), CPU, decides=True)([next(parts.batches.epoch(0))])
        assert report.clip is not None
        assert report.clip.clipped
        moved = [now.detach() - then for now, then in zip(parts.model.parameters(), before, strict=True)]
        return float(torch.cat([change.flatten() for change in moved]).norm())

    return length_of_update


def test_coupled_l2_after_the_clip_makes_an_update_of_fifteen_thresholds(length_of_update) -> None:
    """torch's SGD with weight_decay does the same: threshold 1, update 15.1."""
    assert length_of_update() == pytest.approx(15.0, abs=1.0)
    assert length_of_update(penalties="after_clipping") == length_of_update()


def test_coupled_l2_inside_the_clip_keeps_to_the_threshold(length_of_update) -> None:
    """Kaldi does the same."""
    assert length_of_update(penalties="before_clipping") == pytest.approx(1.0, rel=1e-4)


def test_coupled_l1_inside_the_clip_keeps_to_the_threshold_too(length_of_update) -> None:
    assert length_of_update(penalties="before_clipping", l2=0.0, l1=3.0) == pytest.approx(1.0, rel=1e-4)
    assert length_of_update(l2=0.0, l1=3.0) > 10


def test_without_penalties_their_place_makes_no_difference(length_of_update) -> None:
    nothing = {"l1": 0.0, "l2": 1e-30}
    assert length_of_update(penalties="before_clipping", **nothing) == length_of_update(**nothing)
