"""Which steps are worth an explanation."""

from __future__ import annotations

import math
import random
from statistics import median

import torch

from asrtrain.training.watch import ExplainConfig, Watch
from asrtrain.types import Batch

ONE = torch.ones(1, dtype=torch.int64)
WINDOW = [Batch(("a",), torch.zeros(1, 1, 1), ONE)]


def causes(config: ExplainConfig, norms: list[float]) -> list[str | None]:
    watch = Watch(config)
    return [watch.look(step, WINDOW, norm, finite_loss=True) for step, norm in enumerate(norms, 1)]


def test_the_usual_norm_is_the_median_of_the_last_hundred():
    watch, draw, seen = Watch(ExplainConfig(ratio_to_median=None)), random.Random(1), []
    for step in range(400):
        norm = draw.choice([draw.random(), 1.0, 2.0])
        assert watch.look(step, WINDOW, norm, finite_loss=True) is None
        assert watch.usual == (median(seen[-100:]) if len(seen) >= 5 else None)
        seen.append(norm)


def test_a_norm_far_above_the_median_is_worth_it_once_there_is_one():
    assert causes(ExplainConfig(), [1.0, 1.0, 900.0, 1.0, 1.0, 49.0, 51.0]) == [
        *[None] * 6,
        "the norm 51 is 51 times the median of the steps before",
    ]
    assert causes(ExplainConfig(ratio_to_median=None), [1.0] * 8 + [1e9])[-1] is None


def test_what_is_not_finite_is_worth_it_from_the_first_step_on():
    watch = Watch(ExplainConfig())
    assert watch.look(1, WINDOW, math.nan, finite_loss=False) == "the loss is not finite"
    assert watch.look(2, WINDOW, math.inf, finite_loss=True) == "the gradient is not finite"
    assert Watch(ExplainConfig(nonfinite=False)).look(1, WINDOW, math.nan, finite_loss=False) is None


def test_no_more_than_so_many_are_explained_but_for_those_asked_for():
    found = causes(ExplainConfig(most=2, steps=(4,)), [math.inf] * 5)
    assert found == ["the gradient is not finite"] * 2 + [None, "it was asked for", None]


def test_the_last_sound_batch_is_remembered():
    watch = Watch(ExplainConfig())
    other = [Batch(("b",), torch.zeros(1, 1, 1), ONE)]
    watch.look(1, WINDOW, 1.0, finite_loss=True)
    watch.look(2, other, math.nan, finite_loss=False)
    assert watch.sound is WINDOW[0]
