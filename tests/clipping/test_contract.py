"""Every clipping rule of the table keeps the same promises."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asrtrain.clipping import CLIPPERS, ClipReport, build_clipper
from asrtrain.clipping.interface import ClipRuleConfig

EXAMPLES = {
    "none": [{"name": "none"}],
    "value": [{"name": "value", "threshold": 0.5}],
    "norm": [{"name": "norm", "threshold": 0.5, "scope": scope} for scope in ("global", "layer", "tensor")],
}
RULES = [rule for name in CLIPPERS for rule in EXAMPLES[name]]
THRESHOLDS = [
    {"name": "fixed", "value": 0.5},
    {"name": "scheduled", "start": 0.5, "end": 0.1, "steps": 7},
    {"name": "scheduled", "start": 0.5, "end": 0.1, "steps": 7, "shape": "exponential"},
    {"name": "random", "low": 0.1, "high": 0.5},
    {"name": "random", "low": 0.1, "high": 0.5, "distribution": "uniform"},
    {"name": "random", "low": 0.1, "high": 0.5, "distribution": "lognormal"},
    {"name": "dynamic", "quantile": 0.5, "window": 8, "warmup": 3},
]
STATEFUL = [{"name": name, "threshold": t} for name in ("value", "norm") for t in THRESHOLDS]


def label(rule: dict) -> str:
    threshold = rule.get("threshold", "")
    kind = "-".join(map(str, threshold.values())) if isinstance(threshold, dict) else threshold
    return f"{rule['name']}-{rule.get('scope', '')}-{kind}"


def parameters(scale: float, seed: int = 0, dtype: torch.dtype = torch.float32) -> dict[str, torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"a.weight": (3, 4), "a.bias": (3,), "b.weight": (2, 3, 2), "b.bias": (1,)}
    named = {name: torch.nn.Parameter(torch.zeros(shape, dtype=dtype)) for name, shape in shapes.items()}
    for parameter in named.values():
        parameter.grad = (scale * torch.randn(parameter.shape, generator=generator)).to(dtype)
    return named


def gradients(named: dict[str, torch.nn.Parameter]) -> list[torch.Tensor]:
    return [p.grad.clone() for p in named.values()]


def norm(tensors: list[torch.Tensor]) -> float:
    return float(torch.cat([t.double().flatten() for t in tensors]).norm())


def clip(rule: object, named: dict[str, torch.nn.Parameter]) -> ClipReport:
    return build_clipper(rule)(named.items())


def test_every_rule_of_the_table_has_an_example() -> None:
    assert set(EXAMPLES) == set(CLIPPERS)
    assert all(issubclass(config, ClipRuleConfig) for config in CLIPPERS.values())


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_below_the_threshold_nothing_changes_by_a_bit(rule: dict) -> None:
    named = parameters(1e-3)
    before = gradients(named)
    report = clip(rule, named)
    assert all(torch.equal(a, b) for a, b in zip(before, gradients(named), strict=True))
    assert not bool(report.clipped)
    assert float(report.coefficient) == 1.0


@pytest.mark.parametrize("rule", [r for r in RULES if r["name"] != "none"], ids=label)
@pytest.mark.parametrize("scale", [1.0, 1e20, 1e-3])
def test_clipping_again_changes_nothing(rule: dict, scale: float) -> None:
    named = parameters(scale)
    clip(rule, named)
    once = gradients(named)
    clip(rule, named)
    for first, second in zip(once, gradients(named), strict=True):
        torch.testing.assert_close(first, second, rtol=3e-7, atol=0)


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_the_report_is_true(rule: dict) -> None:
    named = parameters(1.0)
    before = gradients(named)
    report = clip(rule, named)
    after = gradients(named)
    assert float(report.norm_before) == pytest.approx(norm(before), rel=1e-6)
    assert float(report.norm_after) == pytest.approx(norm(after), rel=1e-6)
    assert float(report.coefficient) == pytest.approx(norm(after) / norm(before), rel=1e-6)
    changed = sum(int((a != b).sum()) for a, b in zip(before, after, strict=True))
    assert bool(report.clipped) == (changed > 0)
    assert float(report.clipped_share) == pytest.approx(changed / sum(g.numel() for g in before))
    assert report.names == tuple(named)


@pytest.mark.parametrize("rule", RULES, ids=label)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_non_finite_gradients_are_reported_and_left_alone(rule: dict, bad: float) -> None:
    named = parameters(1.0)
    named["a.bias"].grad[1] = bad
    before = gradients(named)
    report = clip(rule, named)
    assert not bool(torch.isfinite(report.norm_before))
    assert not bool(report.clipped)
    assert all(torch.equal(a.nan_to_num(7), b.nan_to_num(7)) for a, b in zip(before, gradients(named), strict=True))


@pytest.mark.parametrize("rule", STATEFUL, ids=label)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_non_finite_step_leaves_no_trace_in_the_state(rule: dict, bad: float) -> None:
    poisoned, clean = build_clipper(rule), build_clipper(rule)
    for step in range(10):
        if step in (1, 6):
            named = parameters(1.0)
            named["b.weight"].grad.fill_(bad)
            poisoned(named.items())
        left, right = parameters(1.0, step), parameters(1.0, step)
        poisoned(left.items())
        clean(right.items())
        assert all(torch.equal(a, b) for a, b in zip(gradients(left), gradients(right), strict=True))


@pytest.mark.parametrize("rule", STATEFUL, ids=label)
@pytest.mark.parametrize("stop", [0, 1, 3, 9])
def test_a_resumed_clipper_goes_on_bit_for_bit(rule: dict, stop: int) -> None:
    straight = build_clipper(rule, seed=5)
    for step in range(stop):
        straight(parameters(1.0, step).items())
    resumed = build_clipper(rule, seed=5)
    resumed.load_state_dict(straight.state_dict())
    for step in range(stop, stop + 5):
        left, right = parameters(1.0, step), parameters(1.0, step)
        thresholds = straight(left.items()).threshold, resumed(right.items()).threshold
        assert torch.equal(*thresholds)
        assert all(torch.equal(a, b) for a, b in zip(gradients(left), gradients(right), strict=True))


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_zero_gradients_stay_zero_and_missing_ones_are_no_error(rule: dict) -> None:
    named = parameters(0.0)
    report = clip(rule, named)
    assert norm(gradients(named)) == 0
    assert float(report.coefficient) == 1.0
    for parameter in named.values():
        parameter.grad = None
    assert clip(rule, named).names == ()


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_a_tied_parameter_is_clipped_once(rule: dict) -> None:
    once, twice = parameters(1.0), parameters(1.0)
    build_clipper(rule)(once.items())
    report = build_clipper(rule)([*twice.items(), ("tied", twice["a.weight"])])
    assert "tied" not in report.names
    assert all(torch.equal(a, b) for a, b in zip(gradients(once), gradients(twice), strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("rule", [r for r in RULES if r["name"] == "norm"], ids=label)
def test_half_precision_is_measured_in_full(rule: dict, dtype: torch.dtype) -> None:
    half, full = parameters(300.0, dtype=dtype), parameters(300.0, dtype=torch.float64)
    clip(rule, half)
    clip(rule, full)
    for a, b in zip(gradients(half), gradients(full), strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-2, atol=1e-4)


@settings(max_examples=50, deadline=None)
@given(threshold=st.floats(1e-3, 1e3), scale=st.floats(1e-4, 1e4), seed=st.integers(0, 1000))
def test_the_norm_afterwards_is_the_smaller_of_norm_and_threshold(threshold: float, scale: float, seed: int) -> None:
    named = parameters(scale, seed)
    before = norm(gradients(named))
    clip({"name": "norm", "threshold": threshold}, named)
    assert norm(gradients(named)) == pytest.approx(min(before, threshold), rel=5e-7)


def test_finite_gradients_of_1e20_clip_to_the_threshold_not_to_zero() -> None:
    named = parameters(1e20)
    clip({"name": "norm", "threshold": 2.0}, named)
    assert norm(gradients(named)) == pytest.approx(2.0, rel=1e-6)


def test_norm_clipping_keeps_the_direction_and_value_clipping_the_signs() -> None:
    named = parameters(1.0)
    before = torch.cat([g.flatten() for g in gradients(named)]).double()
    clip({"name": "norm", "threshold": 0.1}, named)
    after = torch.cat([g.flatten() for g in gradients(named)]).double()
    assert float(torch.cosine_similarity(before, after, dim=0)) == pytest.approx(1.0, abs=1e-7)
    named = parameters(1.0)
    clip({"name": "value", "threshold": 0.125}, named)
    after = torch.cat([g.flatten() for g in gradients(named)])
    assert torch.equal(after.sign(), before.float().sign())
    assert float(after.abs().max()) <= 0.125


def test_scopes_are_independent() -> None:
    named = parameters(1.0)
    untouched = named["b.weight"].grad.mul_(1e-3).clone()
    named["b.bias"].grad.mul_(1e-3)
    clip({"name": "norm", "threshold": 0.5, "scope": "layer"}, named)
    assert torch.equal(named["b.weight"].grad, untouched)
    layer = norm([named["a.weight"].grad, named["a.bias"].grad])
    assert layer == pytest.approx(0.5, rel=1e-6)


def test_sparse_gradients_are_coalesced() -> None:
    embedding = torch.nn.Embedding(5, 2, sparse=True)
    embedding(torch.tensor([1, 1, 3])).sum().backward()
    report = build_clipper({"name": "norm", "threshold": 1.0})(embedding.named_parameters())
    assert float(report.norm_before) == pytest.approx((2 * 4 + 2 * 1) ** 0.5)
    assert float(embedding.weight.grad.to_dense().norm()) == pytest.approx(1.0, rel=1e-6)


def test_stages_act_in_their_order() -> None:
    named = parameters(1.0)
    report = clip([{"name": "norm", "threshold": 0.5}, {"name": "value", "threshold": 0.0625}], named)
    assert float(torch.cat([g.flatten() for g in gradients(named)]).abs().max()) <= 0.0625
    assert float(report.threshold) == 0.0625
