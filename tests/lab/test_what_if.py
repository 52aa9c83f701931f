"""Norms sent through other rules: the same as clipping the gradients themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from asrtrain.clipping import CLIPPERS, ClippingChoice, ClipRuleConfig, build_clipper
from asrtrain.errors import UsageError
from asrtrain.lab import NormHistory, replay

SHAPES = {"cnn.weight": (4, 3, 3), "cnn.bias": (4,), "rnn.weight_ih_l0": (12, 4), "rnn.weight_hh_l0": (12, 3)}
NORM_RULES = [
    "none",
    {"name": "norm", "threshold": 2.0},
    {"name": "norm", "threshold": 1.0, "scope": "layer"},
    {"name": "norm", "threshold": 1.0, "scope": "tensor"},
    {"name": "dynamic", "threshold": {"quantile": 0.5, "window": 10, "warmup": 3}},
    "autoclip",
    "zclip",
    "random",
    "adagc",
    "smooth_norm",
    {"name": "skip_spike", "threshold": 12.0},
    [{"name": "norm", "threshold": 1.0, "scope": "tensor"}, {"name": "norm", "threshold": 1.5}],
]
OTHERS = ["value", "agc", "sign", "spam", "centralize", "noise", "block_rms"]


def chosen(rule: object) -> tuple[ClipRuleConfig, ...]:
    if isinstance(rule, str):
        rule = {"name": rule, **CLIPPERS[rule].examples[0]}
    found: tuple[ClipRuleConfig, ...] = TypeAdapter(ClippingChoice).validate_python(rule)
    return found


@pytest.mark.parametrize("rule", NORM_RULES, ids=str)
def test_norms_tell_what_the_gradients_would_have_told(rule: object) -> None:
    generator = torch.Generator().manual_seed(1)
    parameters = {name: torch.nn.Parameter(torch.ones(shape)) for name, shape in SHAPES.items()}
    clip, norms, reports = build_clipper([r.model_dump() for r in chosen(rule)]), [], []
    for step in range(60):
        for parameter in parameters.values():
            size = 3.0 if step % 7 == 3 else 0.3
            parameter.grad = size * torch.randn(parameter.shape, generator=generator)
        norms.append([float(p.grad.double().norm()) for p in parameters.values() if p.grad is not None])
        reports.append(clip(parameters.items()))
    told = replay(chosen(rule), NormHistory.of_steps(tuple(SHAPES), norms))
    np.testing.assert_allclose(told.thresholds, [float(r.threshold) for r in reports], rtol=1e-5)
    np.testing.assert_allclose(told.coefficients, [float(r.coefficient) for r in reports], rtol=1e-5)
    assert told.clipped.tolist() == [bool(r.clipped) for r in reports]


@pytest.mark.parametrize("rule", [*OTHERS, {"name": "norm", "threshold": 1.0, "scope": "unit"}], ids=str)
def test_rules_that_look_at_more_are_refused(rule: object) -> None:
    with pytest.raises(UsageError, match="looks at more than the norms"):
        replay(chosen(rule), NormHistory.of_steps(("a",), [[1.0]]))


def test_the_scope_of_gates_needs_more_than_norms() -> None:
    rule = chosen({"name": "norm", "threshold": 1.0, "scope": "gate"})
    with pytest.raises(UsageError, match="asrtrain compare"):
        replay(rule, NormHistory.of_steps(("rnn.weight_ih_l0", "rnn.weight_hh_l0"), [[1.0, 2.0]]))


def test_a_step_without_finite_norms_teaches_nothing() -> None:
    norms = [[1.0], [1.0], [float("nan")], [1.0], [9.0]]
    rule = chosen({"name": "dynamic", "threshold": {"quantile": 0.5, "window": 10, "warmup": 3}})
    told = replay(rule, NormHistory.of_steps(("a",), norms))
    assert told.thresholds.tolist() == [float("inf")] * 4 + [1.0]
    assert told.clipped.tolist() == [False] * 4 + [True]


def test_shares_are_means_over_finite_steps() -> None:
    history = NormHistory.of_steps(("a", "b"), [[3.0, 4.0], [float("nan"), 1.0], [0.0, 0.0], [1.0, 0.0]])
    assert history.shares.tolist() == pytest.approx([(9 / 25 + 1) / 2, 16 / 25 / 2])
    assert history.totals[0] == 5.0
