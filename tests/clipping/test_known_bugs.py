"""Cases that other libraries get wrong, reproduced from them; here the right thing happens."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from clipping_cases import clip, flat, norm, parameters, same
from pydantic import ValidationError

from asrtrain.clipping import CLIPPERS, build_clipper

LEARNING = ["dynamic", "autoclip", "median_scale", "zclip", "ema", "adagc", "spam", "skip_spike"]
NORMS = ["norm", "smooth_norm", "block_rms", "normalize"]


def one(*values: float, dtype: torch.dtype = torch.float32) -> dict[str, torch.nn.Parameter]:
    parameter = torch.nn.Parameter(torch.zeros(len(values), dtype=dtype))
    parameter.grad = torch.tensor(values, dtype=dtype)
    return {"w": parameter}


@pytest.mark.parametrize("name", ["norm", "value", "fixed", "smooth_norm", "block_rms", "normalize", "sign"])
@pytest.mark.parametrize("threshold", [-1.0, 0.0, math.nan])
def test_no_threshold_negates_freezes_or_poisons(name: str, threshold: float) -> None:
    """torch: -1 negates every gradient, 0 stops training, NaN makes all NaN. SpeechBrain passes its -1 on to it."""
    with pytest.raises(ValidationError, match="threshold"):
        build_clipper({"name": name, "threshold": threshold})


@pytest.mark.parametrize("scale", [1e19, 1e20, 1e30, 1e37])
def test_finite_gradients_are_clipped_and_not_zeroed(scale: float) -> None:
    """torch: the float32 norm of 1e20 is infinite, and every gradient becomes zero."""
    named = parameters(scale)
    clip({"name": "norm", "threshold": 2.0}, named)
    assert norm(named) == pytest.approx(2.0, rel=1e-6)


def test_half_precision_gradients_are_clipped_and_not_zeroed() -> None:
    """torch: the float16 norm of 100,000 times 300 is infinite, and every gradient becomes zero."""
    named = one(*[300.0] * 100_000, dtype=torch.float16)
    report = clip({"name": "norm", "threshold": 100.0}, named)
    assert float(report.norm_before) == pytest.approx(94868, rel=1e-4)
    assert norm(named) == pytest.approx(100.0, rel=1e-2)


@pytest.mark.parametrize("rule", ["norm", "value"])
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_one_bad_element_changes_no_other_and_is_reported(rule: str, bad: float) -> None:
    """torch: one infinity zeroes all other tensors, one NaN makes all NaN; value clipping hides the infinity."""
    named, raw = parameters(), parameters()
    named["a.bias"].grad[0] = bad
    report = clip({"name": rule, "threshold": 0.5}, named)
    assert not bool(torch.isfinite(report.norm_before))
    assert float(named["a.bias"].grad[0]) == bad or math.isnan(bad)
    assert all(torch.equal(named[name].grad, raw[name].grad) for name in named if name != "a.bias")


def test_a_parameter_listed_twice_is_clipped_once() -> None:
    """torch: a norm of 5 is counted as 7.1 and scaled twice, to 0.1."""
    parameter = one(3.0, 4.0)["w"]
    report = build_clipper({"name": "norm", "threshold": 1.0})([parameter, parameter])
    assert float(report.norm_before) == 5.0
    assert float(parameter.grad.norm()) == pytest.approx(1.0)


def test_an_uncoalesced_sparse_gradient_is_measured_right() -> None:
    """torch: clipping sparse gradients fails, and the norm of an uncoalesced one is 3.46 where it is 6.93."""
    embedding = torch.nn.Embedding(3, 3, sparse=True)
    embedding(torch.tensor([1, 1, 1, 1])).sum().backward()
    assert float(embedding.weight.grad._values().norm()) == pytest.approx(3.464, rel=1e-3)
    report = build_clipper({"name": "norm", "threshold": 1.0})(embedding.parameters())
    assert float(report.norm_before) == pytest.approx(6.928, rel=1e-3)
    assert float(embedding.weight.grad.to_dense().norm()) == pytest.approx(1.0)


def test_at_the_threshold_nothing_changes_and_clipping_twice_is_clipping_once() -> None:
    """torch: because of its 1e-6 a gradient of the very length of the threshold is shortened, again and again."""
    named = one(3.0, 4.0)
    assert not bool(clip({"name": "norm", "threshold": 5.0}, named).clipped)
    assert named["w"].grad.tolist() == [3.0, 4.0]
    torch.nn.utils.clip_grad_norm_(named.values(), 5.0)
    assert named["w"].grad.tolist() != [3.0, 4.0]


def test_every_parameter_is_clipped_whatever_its_optimiser_group() -> None:
    """SpeechBrain: only the first parameter group is clipped."""
    named = parameters()
    optimizer = torch.optim.SGD([{"params": [p]} for p in named.values()], lr=1.0)
    build_clipper({"name": "norm", "threshold": 0.5})(p for group in optimizer.param_groups for p in group["params"])
    assert norm(named) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("rule", LEARNING)
@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_one_bad_step_does_not_poison_what_is_learned(rule: str, bad: float) -> None:
    """AutoClip and QuantileClip: NaN until it leaves the window. ZClip: never clips again. OLMo-core: skips every step.
    icefall: its guard never fires, and a weight becomes NaN.
    """
    poisoned, clean = build_clipper(rule), build_clipper(rule)
    for step in range(70):
        if step == 40:
            poisoned(one(bad, 1.0).items())
        left, right = parameters(1.0, step), parameters(1.0, step)
        poisoned(left.items())
        clean(right.items())
        assert same(left, right)
    for key, value in poisoned.state_dict()["state"].items():
        assert bool(torch.isfinite(value.double()).all()) or "threshold" in key


def test_norms_that_hardly_vary_have_no_outliers() -> None:
    """ZClip: after constant norms, a norm 0.1 % higher scores z = 1000 and is clipped to the mean."""
    clipper = build_clipper("zclip")
    for _ in range(100):
        clipper(one(3.0, 4.0).items())
    assert not bool(clipper(one(3.003, 4.004).items()).clipped)


def test_a_sudden_drop_is_no_spike() -> None:
    """OLMo-core: the absolute value of the score is compared, and a sudden improvement is skipped."""
    clipper = build_clipper("skip_spike")
    for _ in range(100):
        clipper(one(3.0, 4.0).items())
    assert not bool(clipper(one(3e-4, 4e-4).items()).skip)
    assert bool(clipper(one(300.0, 400.0).items()).skip)


def test_skipping_does_not_lock_when_the_norm_stays_above_the_threshold() -> None:
    """minFM: norms of 2.1 to 2.3 against a threshold of 2.0, and every step is skipped for ever."""
    clipper = build_clipper({"name": "skip_spike", "threshold": 2.0})
    taken = [not bool(clipper(one(2.1 + 0.01 * (step % 20)).items()).skip) for step in range(60)]
    assert sum(taken) == 10


def test_a_spiked_element_really_is_limited() -> None:
    """SPAM, as it is published, writes the limited elements to a copy: the clip never happens."""
    clipper = build_clipper({"name": "spam", "theta": 4.0})
    for _ in range(30):
        clipper(one(1.0, 1.0).items())
    spiked = one(1e5, 1.0)
    clipper(spiked.items())
    torch.testing.assert_close(spiked["w"].grad, torch.tensor([2.0, 1.0]))


def test_spam_flags_nothing_before_it_knows_anything() -> None:
    """SPAM: the second moment starts at zero, and every element of the first step is a spike."""
    named = one(1.0, -5.0)
    assert not bool(clip("spam", named).clipped)


def test_adagc_measures_norms_and_not_their_squares() -> None:
    """pytorch_optimizer: the global norm of [3, 4] is 25."""
    named = one(3.0, 4.0)
    report = clip({"name": "adagc", "absolute": 5.0}, named)
    assert not bool(report.clipped)


@pytest.mark.parametrize("rule", [{"name": "adagc", "warmup": 3}, {"name": "ema", "threshold": {"warmup": 3}}])
def test_a_tensor_without_a_gradient_during_warmup_moves_later(rule: dict) -> None:
    """AdaGC: its running norm is zero from then on: NaN weights where the gradient is zero, frozen where it is not."""
    clipper = build_clipper(rule)
    for _ in range(6):
        named = one(0.0, 0.0)
        clipper(named.items())
        assert norm(named) == 0
    revived = one(0.3, 0.4)
    clipper(revived.items())
    assert norm(revived) == pytest.approx(0.5)


def test_a_parameter_that_starts_at_zero_moves() -> None:
    """composer: without a floor, a bias of zero gets a coefficient of zero for ever."""
    named = one(1.0, 1.0)
    clip("agc", named)
    assert norm(named) == pytest.approx(0.01 * 1e-3, rel=1e-6)


@pytest.mark.parametrize("kernel", [(4, 3, 5), (2, 6, 1)])
def test_the_unit_of_a_convolution_is_its_output_channel(kernel: tuple[int, ...]) -> None:
    """optax takes one output of (output, input, width) for a position, pytorch_optimizer an input channel."""
    named = parameters(shapes={"conv": kernel})
    clip({"name": "norm", "threshold": 0.125, "scope": "unit"}, named)
    channels = named["conv"].grad.double().flatten(1).norm(dim=1)
    torch.testing.assert_close(channels, torch.full((kernel[0],), 0.125, dtype=torch.float64), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", NORMS)
def test_zero_gradients_at_any_threshold_are_zero(name: str) -> None:
    """optax: 0 / 0 at a threshold of zero. NeMo's normalisation divides by a norm of zero."""
    for threshold in (1e-30, 1.0, {"name": "fixed", "value": 0, "freeze": True}):
        named = parameters(0.0)
        clip({"name": name, "threshold": threshold}, named)
        assert norm(named) == 0


def test_a_short_gradient_is_never_lengthened_by_clipping() -> None:
    """pytorch_optimizer's synchronised clipping multiplies a norm of 0.1 by ten."""
    named = one(0.06, 0.08)
    clip({"name": "norm", "threshold": 1.0}, named)
    assert norm(named) == pytest.approx(0.1)


def test_the_infinity_norm_is_the_largest_element() -> None:
    """torchrec: norm ** (1 / inf) is 1, whatever the gradient."""
    named = one(3.0, -8.0)
    clip({"name": "norm", "threshold": 2.0, "p": "inf"}, named)
    assert named["w"].grad.tolist() == [0.75, -2.0]


def test_value_clipping_limits_elements_and_does_not_scale_them() -> None:
    """composer: under sharding, "value" scales by the infinity norm."""
    named = one(0.5, -8.0)
    clip({"name": "value", "threshold": 2.0}, named)
    assert named["w"].grad.tolist() == [0.5, -2.0]


def test_replicas_draw_the_same_random_thresholds_and_noise() -> None:
    """Thresholds from every process's own generator let replicas drift apart by 0.058 in ten steps."""
    rules = [{"name": "noise"}, {"name": "random"}]
    replicas = [build_clipper(rules, seed=3) for _ in range(2)]
    torch.manual_seed(0)
    for step in range(10):
        torch.randn(step)  # the process's generator is somewhere else
        left, right = parameters(1.0, step), parameters(1.0, step)
        replicas[0](left.items())
        replicas[1](right.items())
        assert same(left, right)


def test_a_learned_clipper_can_be_saved() -> None:
    """AutoClip, ZClip and OLMo-core have no state to save: what they learned is lost on resume."""
    for name in LEARNING:
        clipper = build_clipper(name)
        clipper(parameters().items())
        assert clipper.state_dict()["state"], name


def test_the_report_tells_the_norm_before_from_the_norm_after() -> None:
    """torchtitan documents the norm after clipping and returns the one before; most others log one without a name."""
    named = one(3.0, 4.0)
    report = clip({"name": "norm", "threshold": 1.0}, named)
    assert (float(report.norm_before), float(report.norm_after)) == (5.0, pytest.approx(1.0))


def test_a_gradient_of_the_size_of_denormals_is_measured() -> None:
    """The squares of 1e-25 vanish in float32."""
    named = one(3e-25, 4e-25)
    clip({"name": "norm", "threshold": 1e-25}, named)
    assert float(flat(named).norm()) == pytest.approx(1e-25, rel=1e-6)


def test_the_table_has_no_rule_that_another_hides() -> None:
    others = [config for name, config in CLIPPERS.items() if name != "truncation"]  # another spelling of truncate
    assert len(set(others)) == len(others)


def test_icefalls_guard_against_nan_never_fires_and_ours_needs_none() -> None:
    """icefall: min(1.0, nan) is 1.0 in Python, so ``ans != ans`` is never true, and a weight becomes NaN."""
    assert min(1.0, math.nan) == 1.0
    clipper = build_clipper({"name": "median_scale", "compat": "icefall"})
    clipper(one(3.0, 4.0).items())
    bad = one(math.nan, 4.0)
    assert not bool(torch.isfinite(clipper(bad.items()).norm_before))
    assert float(bad["w"].grad[1]) == 4.0


def test_a_sentinel_is_no_norm() -> None:
    """DeepSpeed: -1 stands for a norm that is not finite; clipping by it multiplies by -1.000001."""
    assert pytest.approx(-1.000001) == 1.0 / (-1.0 + 1e-6)
    named = one(math.inf, 1.0)
    report = clip({"name": "norm", "threshold": 1.0}, named)
    assert float(report.norm_before) == math.inf
    assert float(named["w"].grad[1]) == 1.0


def test_the_norm_of_pytorch_optimizers_adagc_is_squared() -> None:
    """Its ``get_global_gradient_norm`` returns 25 for [3, 4]; a gradient of norm 5 seems five times too long."""
    from pytorch_optimizer.optimizer.utils.gradient import get_global_gradient_norm

    named = one(3.0, 4.0)
    assert float(get_global_gradient_norm([{"params": list(named.values())}])) == 25.0
    assert not bool(clip({"name": "adagc", "absolute": 5.0}, named).clipped)


def test_optax_divides_zero_by_zero() -> None:
    """optax: at a threshold of zero a gradient of zero becomes NaN."""
    import optax

    updates, _ = optax.clip_by_global_norm(0.0).update({"w": np.zeros(2, np.float32)}, None)
    assert bool(np.isnan(np.array(updates["w"])).all())
    named = one(0.0, 0.0)
    clip({"name": "norm", "threshold": {"name": "fixed", "value": 0, "freeze": True}}, named)
    assert named["w"].grad.tolist() == [0.0, 0.0]


def test_torchs_clipping_does_all_six_wrong() -> None:
    """What the tests above avoid: torch negates, zeroes, poisons, counts twice, cannot take sparse gradients."""
    clip_norm, clip_value = torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_
    negated, huge, poisoned = one(3.0, 4.0), one(3e20, 4e20), parameters()
    clip_norm(negated.values(), -1.0)
    assert negated["w"].grad.tolist() == pytest.approx([-0.6, -0.8], rel=1e-5)
    clip_norm(huge.values(), 1.0)
    assert norm(huge) == 0
    poisoned["a.bias"].grad[0] = math.inf
    clip_norm(poisoned.values(), 1.0)
    assert float(poisoned["b.weight"].grad.abs().max()) == 0
    hidden = one(math.inf, math.nan)
    clip_value(hidden.values(), 1.0)
    assert float(hidden["w"].grad[0]) == 1.0
    assert math.isnan(float(hidden["w"].grad[1]))
    twice = one(3.0, 4.0)["w"]
    clip_norm([twice, twice], 1.0)
    assert float(twice.grad.norm()) == pytest.approx(0.1, rel=1e-2)
    embedding = torch.nn.Embedding(3, 3, sparse=True)
    embedding(torch.tensor([1, 1])).sum().backward()
    with pytest.raises(NotImplementedError):
        clip_norm(embedding.parameters(), 1.0)
