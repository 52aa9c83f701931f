"""What each rule does by its own formula."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from clipping_cases import attached, clip, flat, gradients, norm, parameters, same

from asrtrain.clipping import build_clipper
from asrtrain.errors import UsageError


def one(*values: float) -> dict[str, torch.nn.Parameter]:
    """A parameter w of ones with this gradient."""
    parameter = torch.nn.Parameter(torch.ones(len(values)))
    parameter.grad = torch.tensor(values, dtype=torch.float32)
    return {"w": parameter}


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, "inf"])
def test_the_norm_afterwards_is_the_smaller_of_norm_and_threshold(p: float | str) -> None:
    for scale in (0.01, 1.0, 1e20):
        named = parameters(scale)
        before = float(torch.linalg.vector_norm(flat(named), float(p)))
        clip({"name": "norm", "threshold": 2.0, "p": p}, named)
        assert float(torch.linalg.vector_norm(flat(named), float(p))) == pytest.approx(min(before, 2.0), rel=5e-7)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("threshold", [0.5, 1e3])
def test_compat_torch_has_the_bits_of_torch(p: float, threshold: float) -> None:
    order = "inf" if p == float("inf") else p
    clipper = build_clipper({"name": "norm", "threshold": threshold, "p": order, "compat": "torch"})
    for step in range(200):
        ours, theirs = parameters(1.0, step), parameters(1.0, step)
        clipper(ours.items())
        torch.nn.utils.clip_grad_norm_(theirs.values(), threshold, norm_type=p)
        assert same(ours, theirs)


def test_value_clipping_has_the_bits_of_torch() -> None:
    for step in range(200):
        ours, theirs = parameters(1.0, step), parameters(1.0, step)
        clip({"name": "value", "threshold": 0.3}, ours)
        torch.nn.utils.clip_grad_value_(theirs.values(), 0.3)
        assert same(ours, theirs)


@pytest.fixture(scope="module")
def timm() -> ModuleType:
    """timm's adaptive clipping; it is no dependency of the tests otherwise."""
    return pytest.importorskip("timm.utils.agc", reason="timm is not installed: nothing to compare with")


def test_compat_timm_has_the_bits_of_timm(timm: ModuleType) -> None:
    clipper = build_clipper({"name": "agc", "compat": "timm"})
    for step in range(200):
        ours, theirs = parameters(0.1, step), parameters(0.1, step)
        clipper(ours.items())
        timm.adaptive_clip_grad(list(theirs.values()), clip_factor=0.01, eps=1e-3)
        assert same(ours, theirs)


def test_agc_agrees_with_timm_to_rounding(timm: ModuleType) -> None:
    ours, theirs = parameters(), parameters()
    clip("agc", ours)
    timm.adaptive_clip_grad(list(theirs.values()), clip_factor=0.01, eps=1e-3)
    torch.testing.assert_close(flat(ours), flat(theirs), rtol=1e-6, atol=0)


def test_agc_grows_with_the_weights_and_leaves_out_what_is_excluded() -> None:
    small, large, raw = parameters(), parameters(), parameters()
    for parameter in large.values():
        parameter.data.mul_(8)
    clip("agc", small)
    clip({"name": "agc", "exclude": ["^a"]}, large)
    torch.testing.assert_close(8 * small["b.weight"].grad, large["b.weight"].grad, rtol=1e-6, atol=0)
    assert torch.equal(large["a.weight"].grad, raw["a.weight"].grad)


def test_smooth_norm_by_its_formula_and_limits() -> None:
    named = one(3.0, 4.0)
    clip({"name": "smooth_norm", "threshold": 5.0}, named)
    torch.testing.assert_close(named["w"].grad, torch.tensor([1.5, 2.0]))
    far = one(3e9, 4e9)
    clip({"name": "smooth_norm", "threshold": 1e18}, far)
    torch.testing.assert_close(far["w"].grad, torch.tensor([3e9, 4e9]))


def test_soft_value_by_its_formula() -> None:
    named = one(3.0, -1.0, 0.0)
    clip({"name": "soft_value", "threshold": 1.0}, named)
    torch.testing.assert_close(named["w"].grad, torch.tensor([0.75, -0.5, 0.0]))


def test_block_rms_does_not_depend_on_the_size() -> None:
    short, long = one(3.0, 4.0), one(*[3.0, 4.0] * 50)
    for named in (short, long):
        clip({"name": "block_rms", "threshold": 0.5}, named)
        assert float(named["w"].grad.square().mean().sqrt()) == pytest.approx(0.5)
    torch.testing.assert_close(short["w"].grad, long["w"].grad[:2])


def test_normalize_lengthens_and_sign_keeps_signs_alone() -> None:
    named = one(3e-6, 4e-6)
    clip({"name": "normalize", "threshold": 2.0}, named)
    assert norm(named) == pytest.approx(2.0)
    named = one(3.0, -1e-9, 0.0)
    clip({"name": "sign", "threshold": 0.25}, named)
    assert named["w"].grad.tolist() == [0.25, -0.25, 0.0]


def test_truncating_small_elements_leaves_large_elements_alone() -> None:
    named = one(3.0, -0.5, 0.49, 0.0)
    clip({"name": "truncate", "of": "small", "threshold": 0.5}, named)
    assert named["w"].grad.tolist() == [3.0, -0.5, 0.0, 0.0]


def test_topk_loses_nothing_and_sends_every_element_in_the_end() -> None:
    clipper, sent = build_clipper({"name": "truncation", "of": "topk", "keep": 0.25}), torch.zeros(8)
    for step in range(1, 61):
        named = one(1.0, 2.0, 4.0, 8.0, -1.0, -2.0, -4.0, -8.0)
        raw = named["w"].grad.clone()
        clipper(named.items())
        assert int((named["w"].grad != 0).sum()) == 2
        sent += named["w"].grad
        assert torch.equal(sent + clipper.state_dict()["state"]["0.w"], step * raw)
    assert bool((sent != 0).all())


def test_centralize_makes_means_zero_and_leaves_vectors_alone() -> None:
    named, raw = parameters(), parameters()
    clip("centralize", named)
    assert float(named["b.weight"].grad.mean(dim=(1, 2)).abs().max()) < 1e-6
    assert torch.equal(named["a.bias"].grad, raw["a.bias"].grad)


def test_noise_has_its_variance_and_fades() -> None:
    clipper, deviations = build_clipper({"name": "noise", "eta": 0.25, "gamma": 1.0}, seed=1), []
    for _ in range(4):
        named = {"w": torch.nn.Parameter(torch.zeros(20000))}
        named["w"].grad = torch.zeros(20000)
        clipper(named.items())
        deviations.append(float(named["w"].grad.std()))
    assert deviations == pytest.approx([0.5 / (1 + t) ** 0.5 for t in range(4)], rel=0.03)
    assert abs(float(named["w"].grad.mean())) < 0.01


def test_noise_depends_on_seed_and_name() -> None:
    drawn = []
    for seed, name in ((0, "w"), (1, "w"), (0, "v")):
        parameter = torch.nn.Parameter(torch.zeros(4))
        parameter.grad = torch.zeros(4)
        build_clipper("noise", seed=seed)([(name, parameter)])
        drawn.append(tuple(parameter.grad.tolist()))
    assert len(set(drawn)) == 3


def test_spam_limits_exactly_the_elements_that_spike() -> None:
    clipper = build_clipper({"name": "spam", "theta": 4.0, "beta": 0.5, "warmup": 2})
    for _ in range(4):
        clipper(one(1.0, -2.0, 0.0).items())
    spiked = one(-2.5, 3.9, 7.0)
    report = clipper(spiked.items())
    torch.testing.assert_close(spiked["w"].grad, torch.tensor([-2.0, 3.9, 7.0]))
    assert float(report.clipped_share) == pytest.approx(1 / 3)


def test_adagc_follows_the_recursion_of_its_paper() -> None:
    clipper = build_clipper({"name": "adagc", "warmup": 2, "beta": 0.5, "relative": 1.5})
    found = []
    for value in (3.0, 0.5, 10.0, 0.6):
        named = one(value, 0.0)
        clipper(named.items())
        found.append(norm(named))
    # warm-up: min(3, 1), then γ = 0.5; 10 → 1.5 · 0.5 = 0.75; γ = 0.5 · 0.5 + 0.5 · 0.75 = 0.625; 0.6 passes
    assert found == pytest.approx([1.0, 0.5, 0.75, 0.6])
    assert float(clipper.state_dict()["state"]["0.w/running"]) == pytest.approx(0.5 * 0.625 + 0.5 * 0.6)


@pytest.mark.parametrize(
    "rule", ["dynamic", "median_scale", "zclip", "ema", {"name": "adagc", "absolute": 9.0}, "spam"]
)
def test_norms_that_stay_the_same_are_never_clipped(rule: object) -> None:
    clipper = build_clipper(rule)
    for _ in range(130):
        assert not bool(clipper(one(3.0, 4.0).items()).clipped)


def test_zclip_brings_a_spike_to_its_formula_and_lets_drops_pass() -> None:
    clipper = build_clipper({"name": "zclip", "threshold": {"warmup": 20}})
    values = [4.0, 6.0] * 10
    for value in values:
        clipper(one(value).items())
    mean, deviation = np.mean(values), np.std(values)
    spike = one(50.0)
    clipper(spike.items())
    assert norm(spike) == pytest.approx(mean + deviation * 2.5**2 / ((50 - mean) / deviation))
    assert not bool(clipper(one(1e-3).items()).clipped)


def test_median_scale_limits_to_twice_the_median() -> None:
    clipper, generator = build_clipper("median_scale"), np.random.default_rng(0)
    values = generator.lognormal(size=100)
    for value in values:
        clipper(one(value).items())
    assert float(clipper(one(1.0).items()).threshold) == pytest.approx(2 * np.median(values), rel=1e-6)


def test_every_tensor_learns_its_own_mean() -> None:
    clipper = build_clipper({"name": "ema", "threshold": {"warmup": 1, "factor": 1.0}})
    for scale in (1.0, 10.0):
        named = {"v": one(1.0 * scale)["w"], "w": one(100.0 * scale)["w"]}
        clipper(named.items())
    assert [float(p.grad) for p in named.values()] == pytest.approx([1.0, 100.0])


def test_skipping_says_so_leaves_zeros_and_cannot_lock() -> None:
    rule = [{"name": "skip_spike", "threshold": 1.0, "patience": 2}, {"name": "noise", "eta": 1e-6}]
    clipper, skips = build_clipper(rule), []
    for _ in range(9):
        named = one(3.0, 4.0)
        skips.append(bool(clipper(named.items()).skip))
        assert norm(named) == pytest.approx(0.0 if skips[-1] else 1.0, abs=0.01)
    assert skips == [True, True, False] * 3
    assert int(clipper.state_dict()["state"]["1.step"]) == 3  # later rules do not see skipped steps


def test_a_threshold_of_zero_freezes_when_that_is_meant() -> None:
    for name in ("norm", "value", "smooth_norm", "soft_value", "normalize"):
        named = parameters()
        clip({"name": name, "threshold": {"name": "fixed", "value": 0, "freeze": True}}, named)
        assert norm(named) == 0


def test_stages_act_in_their_order() -> None:
    named = parameters()
    report = clip([{"name": "norm", "threshold": 0.5}, {"name": "value", "threshold": 0.0625}], named)
    assert float(flat(named).abs().max()) <= 0.0625
    assert float(report.threshold) == 0.0625


@pytest.mark.parametrize("scope", ["global", "tensor", "gate"])
def test_the_smallest_gradients_are_lengthened_by_more_than_float32_holds(scope: str) -> None:
    named = parameters(1e-42)
    clip({"name": "normalize", "threshold": 1.0, "scope": scope}, named)
    assert all(gradient.isfinite().all() for gradient in gradients(named))
    assert norm(named) >= 0.9


def test_a_norm_that_overflows_is_no_norm_to_be_lengthened_to() -> None:
    with pytest.raises(UsageError, match=r"clipping: threshold: a norm of 1e\+308 overflows"):
        build_clipper({"name": "normalize", "threshold": 1e308})


def test_noise_whose_variance_overflows_is_refused() -> None:
    with pytest.raises(UsageError, match="the variance of the noise, is infinite"):
        build_clipper({"name": "per_utterance", "threshold": 1e200, "sigma": 1e200, "lot": 1})


@pytest.mark.parametrize("rule", ["spam", "update_rms", {"name": "truncate", "of": "topk"}])
def test_a_parameter_that_changes_its_shape_is_named(rule: Any) -> None:
    clipper = attached(rule)
    clipper(parameters(shapes={"a.weight": (3, 4)}).items())
    with pytest.raises(
        UsageError, match=r"a\.weight had the shape \(3, 4\) and has \(4, 3\): a clipper serves one model"
    ):
        clipper(parameters(shapes={"a.weight": (4, 3)}).items())
