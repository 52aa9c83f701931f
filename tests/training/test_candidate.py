"""Averaged weights get running statistics of their own: those that they come with are of other weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from training_recipe import CPU, ingredients, result_of

from asrtrain.training import Batches, Ingredients, TrainingConfig, World, train
from asrtrain.training.averaging import weights_of
from asrtrain.training.candidate import STATISTICS_BATCHES, Candidates
from asrtrain.training.checkpoint import load_tensors, without_front_end
from asrtrain.types import Batch

CNN = {"name": "cnn", "channels": [4, 4], "hidden_size": 8, "dropout": 0.2}
STATISTICS = ("running_mean", "running_var")


def built(fsdd: Path, cache: Path, **settings: Any) -> tuple[Ingredients, TrainingConfig]:
    config = TrainingConfig(**{"max_epochs": 3, "batch_size": 8, **settings})
    return ingredients(fsdd, cache, config, model=CNN), config


def first_norm(parts: Ingredients) -> torch.nn.BatchNorm1d:
    return next(module for module in parts.model.modules() if isinstance(module, torch.nn.BatchNorm1d))


def expected(parts: Ingredients, batches: list[Batch]) -> dict[str, torch.Tensor]:
    """Of the first normalisation: the means over batches of mean and variance of what arrives there, by hand."""
    convolution = next(module for module in parts.model.modules() if isinstance(module, torch.nn.Conv2d))
    seen: list[torch.Tensor] = []
    hook = convolution.register_forward_hook(lambda _module, _given, signal: seen.append(signal.clone()))
    with torch.no_grad():
        for batch in batches:
            parts.model.encode(batch)
    hook.remove()
    rows = [
        torch.cat([row[:, :length].flatten(1).T for row, length in zip(signal, batch.lengths.tolist(), strict=True)])
        for signal, batch in zip(seen, batches, strict=True)
    ]
    return {
        "running_mean": torch.stack([x.double().mean(0) for x in rows]).mean(0),
        "running_var": torch.stack([x.double().var(0) for x in rows]).mean(0),
    }


def test_statistics_are_those_of_training_batches_with_these_weights(fsdd: Path, cache: Path) -> None:
    parts, _ = built(fsdd, cache)
    norm, before, drawn = first_norm(parts), weights_of(parts.model), torch.get_rng_state()
    other = {name: 2 * tensor if tensor.is_floating_point() else tensor for name, tensor in before.items()}
    found = Candidates(parts, CPU, World()).complete(other, 1, averaged=True)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(tensor, before[name]) for name, tensor in parts.model.state_dict().items())
    parts.model.load_state_dict(other)
    by_hand = expected(parts, list(islice(parts.batches.epoch(1), STATISTICS_BATCHES)))
    own = next(name for name, module in parts.model.named_modules() if module is norm)
    for name, value in by_hand.items():
        torch.testing.assert_close(found[f"{own}.{name}"].double(), value, rtol=1e-4, atol=1e-5)
    for name, tensor in other.items():
        assert torch.equal(found[name], tensor) == (not name.endswith(STATISTICS))
    assert norm.momentum == 0.1


def test_what_is_no_average_keeps_what_it_was_trained_with(fsdd: Path, cache: Path) -> None:
    parts, _ = built(fsdd, cache)
    weights = weights_of(parts.model)
    assert Candidates(parts, CPU, World()).complete(weights, 0, averaged=False) is weights


class OneBad(Batches):
    """The first batch is not finite."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    @property
    def batches_per_epoch(self) -> int:
        return self._batches.batches_per_epoch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        bad, *rest = self._batches.epoch(epoch, start)
        yield replace(bad, features=bad.features * math.nan)
        yield from rest


def test_a_batch_that_is_not_finite_counts_for_nothing(fsdd: Path, cache: Path) -> None:
    parts, _ = built(fsdd, cache)
    weights = weights_of(parts.model)
    found = Candidates(replace(parts, batches=OneBad(parts.batches)), CPU, World()).complete(weights, 0, averaged=True)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in found.values())
    assert any(not torch.equal(found[name], weights[name]) for name in found)


@pytest.mark.parametrize("ema", [None, 0.9])
def test_a_resumed_run_keeps_the_same_averages_to_the_bit(
    fsdd: Path, cache: Path, tmp_path: Path, ema: float | None
) -> None:
    for folder, lengths in (("straight", [3]), ("stopped", [1, 2, 3])):
        for epochs in lengths:
            parts, config = built(fsdd, cache, max_epochs=epochs, ema=ema, average=2 if epochs == 3 else 0)
            train(parts, config, tmp_path / folder, seed=7, device=CPU, metadata={})
    best = [load_tensors(tmp_path / folder / "checkpoints" / "best")[0] for folder in ("straight", "stopped")]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])
    last = [result_of(tmp_path / folder)["checkpoints/last/model.safetensors"] for folder in ("straight", "stopped")]
    assert last[0] == last[1]


def test_the_average_that_is_kept_has_the_statistics_of_its_weights(fsdd: Path, cache: Path, tmp_path: Path) -> None:
    parts, config = built(fsdd, cache, average=2)
    train(parts, config, tmp_path, seed=7, device=CPU, metadata={})
    kept = without_front_end(load_tensors(tmp_path / "checkpoints" / "average")[0])[0]
    again = Candidates(parts, CPU, World()).complete(kept, config.max_epochs - 1, averaged=True)
    assert all(torch.equal(kept[name], again[name]) for name in kept)
