"""Every rule of the table keeps what its class promises: a new rule is tested here without a line for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from clipping_cases import (
    RULES,
    Named,
    any_shapes,
    attached,
    clip,
    flat,
    label,
    norm,
    parameters,
    same,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch.utils._python_dispatch import TorchDispatchMode

from asrtrain.clipping import CLIPPERS, ClippingChoice, ClipReport, ClipRuleConfig
from asrtrain.clipping.measure import measure
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.clipping.promises import Promise

quick = settings(max_examples=5, deadline=None)
seeds = st.integers(0, 1000)
scales = st.integers(-12, 12).map(lambda power: 2.0**power)
dtypes = st.sampled_from([torch.float32, torch.float64])


def config_of(rule: dict[str, Any]) -> ClipRuleConfig:
    return TypeAdapter(ClippingChoice).validate_python(rule)[0]


def promising(promise: Promise) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rule", [r for r in RULES if promise in config_of(r).promises], ids=label)


def with_threshold_times(rule: dict[str, Any], factor: float) -> dict[str, Any]:
    """The rule with its fixed threshold multiplied."""
    threshold = getattr(config_of(rule), "threshold", None)
    if threshold is None:
        return rule
    return rule | {"threshold": factor * getattr(threshold, "value", threshold)}


def sequence(rule: dict[str, Any], scale: float, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """What one clipper makes of eight steps, some of them three times as large."""
    clipper, results = attached(rule), []
    for step in range(8):
        named = parameters(scale * (3 if step in (4, 6) else 1), step, dtype)
        clipper(named.items())
        results.append(flat(named))
    return results


def test_every_promise_is_made_by_some_rule_and_tested() -> None:
    made = frozenset[Promise]().union(*(config_of(rule).promises for rule in RULES))
    assert made == frozenset(Promise)
    source = Path(__file__).read_text(encoding="utf-8")
    assert all(f"@promising(Promise.{promise.name})" in source for promise in Promise)


@promising(Promise.NO_OP)
@quick
@given(seed=seeds, shapes=any_shapes(), dtype=dtypes)
def test_below_the_threshold_nothing_changes_by_a_bit(rule: dict, seed: int, shapes: dict, dtype: torch.dtype) -> None:
    left, right = (parameters(2.0**-40, seed, dtype, shapes) for _ in range(2))
    report = clip(rule, left)
    assert same(left, right)
    assert not bool(report.clipped)
    assert float(report.coefficient) == 1.0


@promising(Promise.BOUND)
@quick
@given(seed=seeds, scale=scales, shapes=any_shapes())
def test_no_part_of_the_scope_is_longer_than_the_threshold(rule: dict, seed: int, scale: float, shapes: dict) -> None:
    config, clipper = config_of(rule), attached(rule)
    for step in range(6):
        named = parameters(scale, seed + step, shapes=shapes)
        threshold = float(clipper(named.items()).threshold)
        for block in split_by(getattr(config, "scope", "global"))(measure(named.items())):
            assert float(block.norm(float(getattr(config, "p", 2.0))).amax()) <= threshold * (1 + 1e-6)


@promising(Promise.ELEMENT_BOUND)
@quick
@given(seed=seeds, scale=scales, shapes=any_shapes(), dtype=dtypes)
def test_no_element_is_larger_than_the_threshold(
    rule: dict, seed: int, scale: float, shapes: dict, dtype: torch.dtype
) -> None:
    named = parameters(scale, seed, dtype, shapes)
    threshold = float(clip(rule, named).threshold)
    assert float(flat(named).abs().max()) <= threshold


@promising(Promise.IDEMPOTENT)
@quick
@given(seed=seeds, scale=st.sampled_from([1.0, 1e20, 1e-3]), shapes=any_shapes())
def test_clipping_again_changes_nothing(rule: dict, seed: int, scale: float, shapes: dict) -> None:
    named = parameters(scale, seed, shapes=shapes)
    clip(rule, named)
    once = flat(named)
    clip(rule, named)
    torch.testing.assert_close(once, flat(named), rtol=4e-7, atol=4e-7 * float(once.abs().max()))


@promising(Promise.JOINT_SCALING)
@quick
@given(seed=seeds, power=st.integers(-10, 10), shapes=any_shapes(), dtype=dtypes)
def test_threshold_and_gradient_scale_together(
    rule: dict, seed: int, power: int, shapes: dict, dtype: torch.dtype
) -> None:
    small, large = parameters(1.0, seed, dtype, shapes), parameters(1.0, seed, dtype, shapes)
    for parameter in large.values():
        parameter.grad.mul_(2.0**power)
    clip(rule, small)
    clip(with_threshold_times(rule, 2.0**power), large)
    assert torch.equal(flat(small) * 2.0**power, flat(large))


@promising(Promise.SCALE_FREE)
def test_the_unit_of_the_gradient_does_not_matter(rule: dict) -> None:
    for ones, eights in zip(sequence(rule, 1.0), sequence(rule, 8.0), strict=True):
        torch.testing.assert_close(8 * ones, eights, rtol=1e-6, atol=1e-6)


@promising(Promise.SCALE_BLIND)
@quick
@given(seed=seeds, scale=scales, shapes=any_shapes())
def test_the_length_of_the_gradient_does_not_matter(rule: dict, seed: int, scale: float, shapes: dict) -> None:
    one, other = parameters(1.0, seed, shapes=shapes), parameters(scale, seed, shapes=shapes)
    clip(rule, one)
    clip(rule, other)
    torch.testing.assert_close(flat(one), flat(other), rtol=1e-6, atol=1e-7)


@promising(Promise.MONOTONE)
@quick
@given(seed=seeds, factor=st.floats(1, 100), shapes=any_shapes())
def test_a_higher_threshold_leaves_more(rule: dict, seed: int, factor: float, shapes: dict) -> None:
    low, high = parameters(1.0, seed, shapes=shapes), parameters(1.0, seed, shapes=shapes)
    clip(rule, low)
    clip(with_threshold_times(rule, factor), high)
    assert norm(low) <= norm(high) * (1 + 1e-6)


@promising(Promise.NON_EXPANSIVE)
@quick
@given(seed=seeds, distance=st.floats(0.01, 10), shapes=any_shapes())
def test_two_gradients_never_part(rule: dict, seed: int, distance: float, shapes: dict) -> None:
    one, other = (parameters(1.0, seed, torch.float64, shapes) for _ in range(2))
    for name, change in parameters(distance, seed + 1, torch.float64, shapes).items():
        other[name].grad.add_(change.grad)
    before = float((flat(one) - flat(other)).norm())
    clip(rule, one)
    clip(rule, other)
    assert float((flat(one) - flat(other)).norm()) <= before * (1 + 1e-5)


@promising(Promise.DIRECTION)
@quick
@given(seed=seeds, scale=scales, shapes=any_shapes())
def test_the_direction_stays(rule: dict, seed: int, scale: float, shapes: dict) -> None:
    named = parameters(scale, seed, shapes=shapes)
    before = flat(named)
    clip(rule, named)
    assert float(torch.cosine_similarity(before, flat(named), dim=0)) == pytest.approx(1.0, abs=1e-6)


@promising(Promise.SIGNS)
def test_the_signs_stay(rule: dict) -> None:
    before = [flat(parameters(1.0 if step not in (4, 6) else 3.0, step)) for step in range(8)]
    for raw, clipped in zip(before, sequence(rule, 1.0), strict=True):
        assert torch.equal(raw.sign(), clipped.sign())


@promising(Promise.ZERO)
def test_zero_stays_zero(rule: dict) -> None:
    named = parameters(0.0)
    report = clip(rule, named)
    assert norm(named) == 0
    assert float(report.coefficient) == 1.0


@promising(Promise.PARTITION)
@quick
@given(seed=seeds, scale=scales, shapes=any_shapes())
def test_how_the_gradient_is_cut_into_tensors_does_not_matter(
    rule: dict, seed: int, scale: float, shapes: dict
) -> None:
    many = parameters(scale, seed, shapes=shapes)
    one: Named = {"all": torch.nn.Parameter(torch.zeros(len(flat(many))))}
    one["all"].grad = flat(many).float()
    backwards = dict(reversed(parameters(scale, seed, shapes=shapes).items()))
    for named in (many, one, backwards):
        clip(rule, named)
    torch.testing.assert_close(flat(many), flat(one), rtol=1e-6, atol=0)
    torch.testing.assert_close(flat(many), flat(dict(reversed(backwards.items()))), rtol=1e-6, atol=0)


@promising(Promise.HUGE)
def test_finite_gradients_of_1e20_stay_finite_and_alive(rule: dict) -> None:
    clipper = attached(rule)
    for step in range(8):
        named = parameters(1e20, step)
        clipper(named.items())
        assert bool(torch.isfinite(flat(named)).all())
        assert norm(named) > 0


@promising(Promise.HALF_PRECISION)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_clipped_as_full_precision(rule: dict, dtype: torch.dtype) -> None:
    for half, full in zip(sequence(rule, 300.0, dtype), sequence(rule, 300.0, torch.float64), strict=True):
        torch.testing.assert_close(half, full, rtol=1e-2, atol=2e-3 * float(full.abs().max()))


class NobodyLooks(TorchDispatchMode):
    """Forbids what makes the host wait for a device, in whatever library it happens."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        assert name not in ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal", "unique"), name
        indices = args[1] if name == "index" else ()
        assert all(i is None or i.dtype != torch.bool for i in indices), "an index of truth values"
        return func(*args, **(kwargs or {}))


def steps_with_a_fault(rule: dict[str, Any]) -> tuple[list[torch.Tensor], list[ClipReport], dict[str, torch.Tensor]]:
    clipper, results, reports = attached(rule), [], []
    for step in range(8):
        named = parameters(3 if step == 6 else 1, step)
        if step == 3:
            named["b.weight"].grad[0, 1, 0] = float("nan")
            named["b.weight"].grad[1, 1, 0] = float("inf")
        reports.append(clipper(named.items()))
        results.append(flat(named))
    return results, reports, clipper.state_dict()["state"]


@promising(Promise.NO_SYNC)
def test_the_host_never_waits_and_does_the_same(rule: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    results, reports, state = steps_with_a_fault(rule)
    monkeypatch.setattr("asrtrain.clipping.parts.looking._FREE", frozenset())
    with NobodyLooks():
        unseen, unseen_reports, unseen_state = steps_with_a_fault(rule)
    counts_calls = config_of(rule).name in (
        "random",
        "noise",
        "adagc",
        "spam",
    )  # what the host counts, it counts blindly
    for step, (one, other) in enumerate(zip(results, unseen, strict=True)):
        if step == 3:
            assert torch.equal(flat(parameters(1, 3)).sub(other).nan_to_num(0, 0, 0), torch.zeros_like(other))
        if step <= 3 or not counts_calls:
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7, equal_nan=True)
            for name in ("clipped", "clipped_share", "norm_after", "cosine", *(["threshold"] if step != 3 else [])):
                expected, found = getattr(reports[step], name), getattr(unseen_reports[step], name)
                torch.testing.assert_close(expected, found, rtol=1e-6, atol=1e-9, equal_nan=True)
    for key, value in state.items():
        if not counts_calls:
            torch.testing.assert_close(value, unseen_state[key], rtol=1e-6, atol=1e-7)
        assert bool(torch.isfinite(unseen_state[key]).all()) or "threshold" in key


def test_the_table_names_its_rules() -> None:
    for name, config in CLIPPERS.items():
        assert name in get_args(config.model_fields["name"].annotation)
        assert config.__doc__
        assert config.examples
