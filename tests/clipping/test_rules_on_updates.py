"""Rules that limit what the optimiser does to the weights, and the step that they are part of."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from clipping_cases import RULES, Named, any_shapes, label, parameters
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from asrtrain.clipping import Clipper, ClippingChoice, build_clipper, layer_of
from asrtrain.clipping.interface import UpdateRule
from asrtrain.errors import UsageError
from asrtrain.optim import OPTIMIZERS

quick = settings(max_examples=10, deadline=None)


def limits_updates(rule: dict[str, Any]) -> bool:
    (config,) = TypeAdapter(ClippingChoice).validate_python(rule)
    return isinstance(config.build(0), UpdateRule)


ON_UPDATES = [rule for rule in RULES if limits_updates(rule)]
EVERY = pytest.mark.parametrize("rule", ON_UPDATES, ids=label)
OPTIONS = [
    {"name": "sgd", "momentum": 0.9, "weight_decay": 0.1},
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "adam", "weight_decay": 0.1},
    {"name": "adam", "amsgrad": True},
    {"name": "adamw", "weight_decay": 0.5},
    {"name": "rmsprop", "momentum": 0.9, "centered": True, "weight_decay": 0.1},
    {"name": "adagrad"},
]
optimizers = pytest.mark.parametrize("options", OPTIONS, ids=label)


def optimizer(options: dict[str, Any], named: Named, lr: float) -> torch.optim.Optimizer:
    return OPTIMIZERS[options["name"]].model_validate(options | {"lr": lr}).build([{"params": list(named.values())}])


def new_gradients(named: Named, seed: int, scale: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in named.values():
        parameter.grad = scale * torch.randn(parameter.shape, generator=generator).to(parameter.dtype)


def weights(named: Named) -> Named:
    return {name: parameter.detach().clone() for name, parameter in named.items()}


def same(left: Named, right: Named) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def moved(before: Named, now: Named) -> dict[str, torch.Tensor]:
    return {name: now[name].detach().double() - before[name].double() for name in before}


def length(tensors: list[torch.Tensor]) -> float:
    return float(torch.cat([tensor.flatten() for tensor in tensors]).norm())


def test_every_optimiser_of_the_table_is_tried() -> None:
    assert {options["name"] for options in OPTIONS} == set(OPTIMIZERS)


@optimizers
@quick
@given(
    seed=st.integers(0, 1000),
    shapes=any_shapes(),
    lr=st.sampled_from([1e-3, 0.1, 10.0]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_no_layer_and_not_the_whole_moves_further_than_max_change(
    options: dict, seed: int, shapes: dict, lr: float, dtype: torch.dtype
) -> None:
    named = parameters(1.0, seed, dtype, shapes)
    clip, steps = build_clipper({"name": "max_change", "per_layer": 0.05, "total": 0.08}), optimizer(options, named, lr)
    for step in range(4):
        new_gradients(named, step)
        before = weights(named)
        clip(named.items())
        report = clip.step(steps)
        change = moved(before, named)
        layers: dict[str, list[torch.Tensor]] = {}
        for name, tensor in change.items():
            layers.setdefault(layer_of(name), []).append(tensor)
        assert all(length(layer) <= 0.05 * (1 + 1e-4) for layer in layers.values())
        assert length(list(change.values())) <= 0.08 * (1 + 1e-4)
        assert report is not None
        assert float(report.norm_after) == pytest.approx(length(list(change.values())), rel=1e-4)
        assert bool(report.clipped) == (float(report.norm_after) < float(report.norm_before))


@optimizers
@quick
@given(seed=st.integers(0, 1000), shapes=any_shapes(), lr=st.sampled_from([1e-3, 0.1, 10.0]))
def test_no_element_moves_further_than_its_weight_allows(options: dict, seed: int, shapes: dict, lr: float) -> None:
    named = parameters(1.0, seed, shapes=shapes)
    clip, steps = build_clipper("clippy"), optimizer(options, named, lr)
    for step in range(4):
        new_gradients(named, step)
        before = weights(named)
        clip(named.items())
        clip.step(steps)
        for name, change in moved(before, named).items():
            allowed = 0.5 * before[name].double().abs() + 1e-2
            assert bool((change.abs() <= allowed * (1 + 1e-4)).all())


@optimizers
@pytest.mark.parametrize("name", ["max_change", "clippy"])
def test_small_updates_are_the_optimisers_to_the_bit(name: str, options: dict) -> None:
    limited, plain = parameters(), parameters()
    clip, with_clip, without = build_clipper(name), optimizer(options, limited, 1e-5), optimizer(options, plain, 1e-5)
    for step in range(6):
        new_gradients(limited, step)
        new_gradients(plain, step)
        clip(limited.items())
        report = clip.step(with_clip)
        without.step()
        assert report is not None
        assert not bool(report.clipped)
        assert float(report.norm_after) == float(report.norm_before) > 0
        assert same(limited, plain)


@optimizers
def test_a_gradient_that_does_not_surprise_is_the_optimisers_to_the_bit(options: dict) -> None:
    limited, plain = parameters(), parameters()
    clip, with_clip, without = (
        build_clipper("update_rms"),
        optimizer(options, limited, 0.1),
        optimizer(options, plain, 0.1),
    )
    for step in range(6):
        new_gradients(limited, 3, 0.5**step)  # ever smaller
        new_gradients(plain, 3, 0.5**step)
        clip(limited.items())
        clip.step(with_clip)
        without.step()
        assert same(limited, plain)


@EVERY
def test_a_tensor_within_its_limits_stays_the_optimisers_to_the_bit(rule: dict) -> None:
    limited, plain = parameters(), parameters()
    clip, with_clip, without = (
        build_clipper(rule),
        optimizer({"name": "adamw"}, limited, 1e-6),
        optimizer({"name": "adamw"}, plain, 1e-6),
    )
    # The weight decay of one tensor alone takes a step that no rule lets pass.
    for named, optimiser in ((limited, with_clip), (plain, without)):
        group = optimiser.param_groups[0]
        optimiser.param_groups[0]["params"] = [p for name, p in named.items() if name != "b.weight"]
        optimiser.add_param_group({**group, "params": [named["b.weight"]], "lr": 1e3})
    for step in range(4):
        new_gradients(limited, 1, 10.0**step)
        new_gradients(plain, 1, 10.0**step)
        calm = {name: limited[name] for name in limited if not name.startswith("b.")}
        for named in (limited, plain):
            for name in calm:
                new_gradients({name: named[name]}, 1)
        clip(limited.items())
        clip.step(with_clip)
        without.step()
        assert same(calm, {name: plain[name] for name in calm})
    assert not same(limited, plain)


def test_weights_before_plus_update_is_not_written_where_it_would_round() -> None:
    limited, plain = parameters(), parameters()
    decay = {"name": "adamw", "weight_decay": 9999.0}  # of which lr takes almost the whole weight
    for named in (limited, plain):
        with torch.no_grad():
            named["a.weight"].mul_(1e-2)
            named["a.bias"].mul_(1e-2)
    clip = build_clipper("max_change")
    clip(limited.items())
    clip.step(optimizer(decay, limited, 1e-4))
    optimizer(decay, plain, 1e-4).step()
    assert torch.equal(limited["a.weight"], plain["a.weight"])
    assert not torch.equal(limited["b.weight"], plain["b.weight"])


def test_update_rms_is_stable_adamw() -> None:
    """Algorithm 2 of Wortsman et al. (2023), in float64."""
    beta1, beta2, lr, decay, eps = 0.9, 0.99, 0.1, 0.2, 1e-6
    named = parameters(dtype=torch.float64)
    steps = torch.optim.AdamW(named.values(), lr=lr, betas=(beta1, beta2), eps=1e-12, weight_decay=decay)
    clip = build_clipper({"name": "update_rms", "beta": beta2, "eps": eps})
    theta = {name: p.detach().clone() for name, p in named.items()}
    mean, square = ({name: torch.zeros_like(p) for name, p in theta.items()} for _ in range(2))
    for t in range(1, 30):
        scale = 30.0 if t in (11, 12, 20) else 1.0
        new_gradients(named, t, scale)
        for name, p in named.items():
            own1, own2 = (beta * (1 - beta ** (t - 1)) / (1 - beta**t) for beta in (beta1, beta2))
            mean[name] = own1 * mean[name] + (1 - own1) * p.grad
            square[name] = own2 * square[name] + (1 - own2) * p.grad**2
            rms = (p.grad**2 / square[name].clamp(min=eps**2)).mean().sqrt()
            rate = lr / max(1.0, float(rms))
            theta[name] = theta[name] - rate * decay * theta[name] - rate * mean[name] / (square[name].sqrt() + 1e-12)
        clip(named.items())
        report = clip.step(steps)
        assert report is not None
        assert bool(report.clipped) or t not in (11, 12, 20)
        for name, p in named.items():
            torch.testing.assert_close(p.detach(), theta[name], rtol=1e-5, atol=1e-6)


BAD = [(options, bad) for options in OPTIONS for bad in (math.nan, math.inf)]
# A finite gradient makes an infinite update of plain descent alone: the others divide by it.
BAD += [(options, 1e38) for options in OPTIONS if options["name"] == "sgd"]


@EVERY
@pytest.mark.parametrize(("options", "bad"), BAD, ids=lambda value: value["name"] if isinstance(value, dict) else None)
def test_an_update_that_is_not_finite_is_taken_back_and_the_next_ones_are_not(
    rule: dict, options: dict, bad: float
) -> None:
    """Kaldi: ``NaN > limit`` is false, and NaN is applied."""
    named = parameters()
    clip, steps = build_clipper(rule), optimizer(options, named, 100.0)
    for step in range(6):
        new_gradients(named, step)
        if step == 2:
            named["a.bias"].grad[1] = bad
        before = weights(named)
        clip(named.items())
        report = clip.step(steps)
        assert report is not None
        if step == 2:
            assert not bool(torch.isfinite(report.norm_before))
            assert float(report.norm_after) == 0
            assert bool(report.clipped)
            assert same(before, named)
        else:
            assert all(bool(torch.isfinite(p).all()) for p in named.values())
            assert not any(torch.equal(before[name], p) for name, p in named.items())


@EVERY
@pytest.mark.parametrize("stop", [0, 1, 4])
def test_a_resumed_run_goes_on_bit_for_bit(rule: dict, stop: int) -> None:
    def run(clip: Clipper, named: Named, steps: torch.optim.Optimizer, numbers: range) -> None:
        for step in numbers:
            new_gradients(named, step, 3.0 ** (step % 3))
            clip(named.items())
            clip.step(steps)

    named = parameters()
    clip, steps = build_clipper(rule), optimizer(OPTIONS[0], named, 0.5)
    run(clip, named, steps, range(stop))
    other = {name: torch.nn.Parameter(p.detach().clone()) for name, p in named.items()}
    resumed, other_steps = build_clipper(rule), optimizer(OPTIONS[0], other, 0.5)
    resumed.load_state_dict(copy.deepcopy(clip.state_dict()))
    other_steps.load_state_dict(copy.deepcopy(steps.state_dict()))
    run(clip, named, steps, range(stop, stop + 5))
    run(resumed, other, other_steps, range(stop, stop + 5))
    assert same(weights(named), weights(other))


@EVERY
@optimizers
def test_a_step_that_passed_by_the_rule_is_complained_about(rule: dict, options: dict) -> None:
    named, clip = parameters(), build_clipper(rule)
    steps = optimizer(options, named, 0.1)
    clip(named.items())
    clip(named.items())  # no step was taken: nothing to complain about
    steps.step()
    with pytest.raises(UsageError, match=r"call clip.step\(optimizer\) in place of optimizer.step\(\)"):
        clip(named.items())


@optimizers
def test_measuring_changes_nothing_and_tells_the_truth(options: dict) -> None:
    measured, plain = parameters(), parameters()
    clip, rule = build_clipper({"name": "norm", "threshold": 1.0}), build_clipper({"name": "norm", "threshold": 1.0})
    one, other = optimizer(options, measured, 0.1), optimizer(options, plain, 0.1)
    for step in range(3):
        for named, clipper in ((measured, clip), (plain, rule)):
            new_gradients(named, step)
            clipper(named.items())
        before = weights(measured)
        report = clip.step(one, measured=True)
        assert rule.step(other) is None
        assert report is not None
        assert same(weights(measured), weights(plain))
        assert float(report.weight_norm) == pytest.approx(length(list(before.values())), rel=1e-6)
        assert float(report.norm_before) == pytest.approx(length(list(moved(before, measured).values())), rel=1e-5)
        assert float(report.norm_after) == float(report.norm_before)
        assert not bool(report.clipped)


def test_nothing_to_step_on_is_no_error() -> None:
    named = parameters()
    for rule in ("none", "max_change"):
        clip, steps = build_clipper(rule), optimizer(OPTIONS[0], named, 0.1)
        steps.zero_grad(set_to_none=True)
        clip(named.items())
        report = clip.step(steps, measured=True)
        assert report is not None
        assert float(report.norm_before) == float(report.weight_norm) == 0


@EVERY
def test_rules_on_gradients_and_on_updates_go_together(rule: dict) -> None:
    named = parameters(10.0)
    clip, steps = build_clipper([{"name": "norm", "threshold": 0.5}, rule]), optimizer(OPTIONS[0], named, 0.1)
    report = clip(named.items())
    assert float(report.norm_after) == pytest.approx(0.5, rel=1e-6)
    assert float(report.threshold) == 0.5
    assert clip.step(steps) is not None


def test_two_rules_on_updates_limit_one_after_the_other() -> None:
    named = parameters()
    clip = build_clipper([{"name": "clippy"}, {"name": "max_change", "total": 0.01}])
    steps, before = optimizer(OPTIONS[0], named, 10.0), weights(named)
    clip(named.items())
    report = clip.step(steps)
    assert report is not None
    assert length(list(moved(before, named).values())) == pytest.approx(0.01, rel=1e-4) == float(report.norm_after)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["max_change", "clippy"])
def test_half_precision_weights_are_limited(name: str, dtype: torch.dtype) -> None:
    named = parameters(dtype=dtype)
    clip, steps, before = build_clipper(name), torch.optim.SGD(named.values(), lr=10.0), weights(named)
    clip(named.items())
    report = clip.step(steps)
    assert report is not None
    assert bool(report.clipped)
    assert length(list(moved(before, named).values())) == pytest.approx(float(report.norm_after), rel=0.05)
    assert float(report.norm_after) <= 2.02


def test_sparse_gradients_move_their_rows_alone() -> None:
    for rule in ON_UPDATES:
        embedding = torch.nn.Embedding(5, 2, sparse=True)
        clip, steps = build_clipper(rule), torch.optim.SGD(embedding.parameters(), lr=100.0)
        for _ in range(3):
            before = embedding.weight.detach().clone()
            steps.zero_grad()
            embedding(torch.tensor([1, 1, 3])).sum().backward()
            clip(embedding.named_parameters())
            clip.step(steps)
            assert (embedding.weight != before).any(dim=1).tolist() == [False, True, False, True, False]
