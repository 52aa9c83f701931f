"""Where thresholds come from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from asrtrain.clipping import build_clipper
from asrtrain.clipping.thresholds import THRESHOLDS, DynamicConfig, RandomConfig, ScheduledConfig
from asrtrain.errors import CheckpointError

ONE = torch.tensor(1.0, dtype=torch.float64)


def drawn(config: RandomConfig, seed: int, steps: int) -> list[float]:
    threshold = config.build(seed)
    return [float(threshold.next(ONE)) for _ in range(steps)]


@pytest.mark.parametrize("distribution", ["uniform", "loguniform", "lognormal"])
def test_random_thresholds_follow_their_distribution(distribution: str) -> None:
    values = np.array(drawn(RandomConfig(low=0.5, high=2.0, distribution=distribution), 1, 4000))
    middle = 1.25 if distribution == "uniform" else 1.0
    assert np.median(values) == pytest.approx(middle, rel=0.05)
    within = np.mean((values >= 0.5) & (values <= 2.0))
    assert within == (pytest.approx(0.683, abs=0.03) if distribution == "lognormal" else 1.0)


def test_random_thresholds_depend_on_seed_and_step_alone() -> None:
    config = RandomConfig(low=0.5, high=2.0)
    assert drawn(config, 3, 5) == drawn(config, 3, 5)
    assert drawn(config, 3, 5) != drawn(config, 4, 5)
    resumed = config.build(3)
    resumed.load_state_dict({"step": torch.tensor(3)})
    assert float(resumed.next(ONE)) == drawn(config, 3, 5)[3]


@pytest.mark.parametrize(("shape", "middle"), [("linear", 2.5), ("exponential", 2.0)])
def test_scheduled_thresholds_go_from_start_to_end_and_stay(shape: str, middle: float) -> None:
    threshold = ScheduledConfig(start=1.0, end=4.0, steps=2, shape=shape).build(0)
    assert [float(threshold.next(ONE)) for _ in range(4)] == pytest.approx([1.0, middle, 4.0, 4.0])


def test_a_dynamic_threshold_is_the_quantile_of_the_window_before_this_step() -> None:
    norms = np.random.default_rng(0).lognormal(size=30)
    threshold = DynamicConfig(quantile=0.7, window=8, warmup=3, factor=2.0).build(0)
    for step, value in enumerate(norms):
        found = float(threshold.next(torch.tensor(value, dtype=torch.float64)))
        expected = np.inf if step < 3 else 2 * np.quantile(norms[max(0, step - 8) : step], 0.7)
        assert found == pytest.approx(expected)


def test_floor_and_ceiling() -> None:
    threshold = DynamicConfig(quantile=1.0, window=4, warmup=1, floor=2.0, ceiling=3.0).build(0)
    assert [float(threshold.next(torch.tensor(n, dtype=torch.float64))) for n in (1.0, 2.5, 9.0, 1.0)] == [
        3.0, 2.0, 2.5, 3.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"name": "random", "low": 2.0, "high": 1.0}, "swap them"),
        ({"name": "dynamic", "warmup": 11, "window": 10}, "make it shorter"),
        ({"name": "dynamic", "floor": 2.0, "ceiling": 1.0}, "swap them"),
        ({"name": "fixed", "value": 0.0}, "freeze: true"),
        ({"name": "fixed", "value": 1.0, "freeze": True}, "leave freeze out"),
    ],
)
def test_clashes_are_explained(config: dict, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        THRESHOLDS[config["name"]].model_validate(config)


def test_a_state_of_other_rules_is_refused() -> None:
    saved, other = build_clipper("noise").state_dict(), build_clipper("none")
    with pytest.raises(CheckpointError, match="keep the clipping settings that it was saved with"):
        other.load_state_dict(saved)
    with pytest.raises(CheckpointError, match="keep the clipping settings"):
        build_clipper("skip_spike").load_state_dict(saved)


def test_a_ring_of_another_window_is_refused() -> None:
    eight, nine = (build_clipper({"name": "dynamic", "threshold": {"window": n, "warmup": 1}}) for n in (8, 9))
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    eight([parameter])
    with pytest.raises(CheckpointError, match="window"):
        nine.load_state_dict(eight.state_dict())
