"""Cases that other libraries get wrong: each test shows what they make of it, and the right thing on the same case.

A peer's result is computed by the peer where it can be installed (torch, timm, optax, pytorch_optimizer), and else by
the line of it that is at fault. Around a whole step: tests/training/test_peer_bugs_in_the_loop.py, here "loop".

======================================================  ===============================================================
what goes wrong                                         test
======================================================  ===============================================================
torch, SpeechBrain: max_norm -1 negates, 0, NaN         test_no_threshold_negates_freezes_or_poisons
torch: clip_value -1 makes every gradient -1            test_no_value_makes_all_gradients_the_same
torch: finite 1e20 becomes zero                         test_finite_gradients_are_clipped_and_not_zeroed
torch: the same in float16                              test_half_precision_gradients_are_clipped_and_not_zeroed
torch: inf zeroes the others, NaN spoils them           test_one_bad_element_changes_no_other_and_is_reported
torch: value clipping keeps NaN, hides inf              test_value_clipping_hides_no_infinity_and_reports_nan
torch: tied parameters count and shrink twice           test_a_parameter_listed_twice_is_clipped_once
torch: sparse gradients fail, or are mismeasured        test_an_uncoalesced_sparse_gradient_is_measured_right
torch: shortens at the threshold                        test_at_the_threshold_nothing_changes
torch: shortens what it has clipped, again              test_clipping_twice_is_clipping_once
torchrec: infinity norm to the power of 1 / inf         test_the_infinity_norm_is_the_largest_element
optax: 0 / 0 at a threshold of zero                     test_zero_gradients_stay_zero_at_a_threshold_of_zero
NeMo: normalises 0 by 0                                 test_a_gradient_of_zero_is_normalised_to_zero
DeepSpeed: -1 stands for "not finite", and negates      test_a_sentinel_is_no_norm
pytorch_optimizer: clipping lengthens                   test_a_short_gradient_is_never_lengthened_by_clipping
composer: "value" scales by the infinity norm           test_value_clipping_limits_elements_and_does_not_scale_them
SpeechBrain: clips one parameter group of many          test_every_parameter_is_clipped_whatever_its_optimiser_group
AutoClip: NaN until it leaves the history               test_one_nan_is_no_percentile_of_the_history
QuantileClip: the same                                  test_one_nan_is_no_quantile_of_the_window
ZClip: after one NaN never clips again                  test_one_nan_does_not_end_the_clipping_of_spikes
OLMo-core: after one NaN skips every step               test_one_nan_does_not_skip_the_sound_steps_after_it
all of them, every learning rule, NaN and inf           test_one_bad_step_does_not_poison_what_is_learned
OLMo-core: skips an improvement                         test_a_sudden_drop_is_no_spike
OLMo-core: 1 - bool raises                              test_skipped_steps_can_be_counted
minFM: skips for ever                                   test_skipping_does_not_lock_when_the_norm_stays_above_...
ZClip: standard deviation of zero                       test_norms_that_hardly_vary_have_no_outliers
icefall: a guard that never fires                       test_icefalls_guard_against_nan_never_fires_and_ours_needs_none
AdaGC: squared norm                                     test_adagc_measures_norms_and_not_their_squares
AdaGC: a running norm of zero, NaN weights or frozen    test_a_tensor_without_a_gradient_during_warmup_moves_later
SPAM, StableSPAM: limit a copy                          test_a_spiked_element_really_is_limited
SPAM: the first step is all spikes                      test_spam_flags_nothing_before_it_knows_anything
composer: AGC without a floor freezes zeros             test_a_parameter_that_starts_at_zero_moves
AGC of Conv1d: three libraries, three units             test_the_unit_of_a_convolution_is_its_output_channel
AutoClip, ZClip, OLMo-core: no state to save            test_a_learned_clipper_can_be_saved
random thresholds of every process's own                test_replicas_draw_the_same_random_thresholds_and_noise
Kaldi: NaN is no change that is too large               test_rules_on_updates: test_an_update_that_is_not_finite_is_...
icefall's filter: one NaN spoils the median             test_rules_inside: test_an_utterance_with_a_spoilt_gradient_...
Adam undoes a clip that is always active                test_advice: test_it_is_said_once_and_at_the_end
transformers and others: clip every micro-batch         loop: test_accumulated_batches_are_clipped_once_and_together
nine projects: clip before unscaling                    loop: test_gradients_are_unscaled_before_they_are_clipped
onsets-and-frames, nano-world-model: clip elsewhere     loop: test_the_clip_comes_before_the_step
torch: coupled L2 after the clip, an update of 15       loop: test_an_update_with_coupled_l2_can_keep_to_the_threshold
NeMo: loses sound micro-batches                         loop: test_a_bad_batch_takes_no_sound_ones_with_it
SpeechBrain: clips, then looks whether it is finite     loop: test_a_bad_gradient_moves_nothing_by_momentum
Lightning, WeNet: schedule moves on skipped steps       loop: test_a_skipped_step_does_not_move_the_schedule
optax: applies NaN when its patience is spent           loop: test_when_patience_is_spent_nothing_bad_is_applied
torch's zero_infinity: counted in the mean              loop: test_what_ctc_cannot_align_is_not_counted_in_the_mean
torch's zero_infinity: no help against NaN              loop: test_a_bad_recording_spoils_nobody_elses_ctc_loss
"2 L + 1 frames" for CTC                                loop: test_a_transcript_may_fill_every_frame
======================================================  ===============================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from clipping_cases import clip, flat, norm, parameters, same

from asrtrain.clipping import CLIPPERS, Clipper, build_clipper
from asrtrain.errors import UsageError

LEARNING = ["dynamic", "autoclip", "median_scale", "zclip", "ema", "adagc", "spam", "skip_spike"]
NORMS = ["norm", "smooth_norm", "block_rms", "normalize"]
SOUND = [5.0 + 0.1 * (step % 5) for step in range(100)]
"""The norms of a hundred sound steps."""

torch_norm, torch_value = torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_


def one(*values: float, dtype: torch.dtype = torch.float32) -> dict[str, torch.nn.Parameter]:
    parameter = torch.nn.Parameter(torch.zeros(len(values), dtype=dtype))
    parameter.grad = torch.tensor(values, dtype=dtype)
    return {"w": parameter}


def after(rule: object, norms: Sequence[float]) -> Clipper:
    """A clipper that has seen gradients of these norms."""
    clipper = build_clipper(rule)
    for length in norms:
        clipper(one(0.6 * length, 0.8 * length).items())
    return clipper


@pytest.mark.parametrize("name", ["norm", "value", "fixed", "smooth_norm", "block_rms", "normalize", "sign"])
@pytest.mark.parametrize(("threshold", "wrong"), [(-1.0, [-0.6, -0.8]), (0.0, [0, 0]), (math.nan, [math.nan] * 2)])
def test_no_threshold_negates_freezes_or_poisons(name: str, threshold: float, wrong: list[float]) -> None:
    """torch: -1 negates every gradient, 0 stops training, NaN makes all NaN. SpeechBrain passes its -1 on to it."""
    theirs = one(3.0, 4.0)
    torch_norm(theirs.values(), threshold)
    assert theirs["w"].grad.tolist() == pytest.approx(wrong, rel=1e-5, nan_ok=True)
    with pytest.raises(UsageError, match="threshold"):
        build_clipper({"name": name, "threshold": threshold})


def test_no_value_makes_all_gradients_the_same() -> None:
    """torch: clamping to [1, -1] makes every gradient -1."""
    theirs = one(3.0, -4.0, 0.0)
    torch_value(theirs.values(), -1.0)
    assert theirs["w"].grad.tolist() == [-1.0, -1.0, -1.0]
    with pytest.raises(UsageError, match="threshold"):
        build_clipper({"name": "value", "threshold": -1.0})


@pytest.mark.parametrize("scale", [1e19, 1e20, 1e30, 1e37])
def test_finite_gradients_are_clipped_and_not_zeroed(scale: float) -> None:
    """torch: the float32 norm of 1e20 is infinite, and every gradient becomes zero."""
    named, theirs = parameters(scale), parameters(scale)
    torch_norm(theirs.values(), 2.0)
    assert norm(theirs) == 0
    clip({"name": "norm", "threshold": 2.0}, named)
    assert norm(named) == pytest.approx(2.0, rel=1e-6)


def test_half_precision_gradients_are_clipped_and_not_zeroed() -> None:
    """torch: the float16 norm of 100,000 times 300 is infinite, and every gradient becomes zero."""
    named, theirs = (one(*[300.0] * 100_000, dtype=torch.float16) for _ in range(2))
    torch_norm(theirs.values(), 100.0)
    assert norm(theirs) == 0
    report = clip({"name": "norm", "threshold": 100.0}, named)
    assert float(report.norm_before) == pytest.approx(94868, rel=1e-4)
    assert norm(named) == pytest.approx(100.0, rel=1e-2)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_one_bad_element_changes_no_other_and_is_reported(bad: float) -> None:
    """torch: one infinity zeroes all other tensors and makes its own NaN, one NaN makes all NaN."""
    named, theirs, raw = parameters(), parameters(), parameters()
    for changed in (named, theirs):
        changed["a.bias"].grad[0] = bad
    torch_norm(theirs.values(), 0.5)
    assert math.isnan(float(theirs["a.bias"].grad[0]))
    other = theirs["b.weight"].grad
    assert bool(other.isnan().all() if math.isnan(bad) else (other == 0).all())
    report = clip({"name": "norm", "threshold": 0.5}, named)
    assert not bool(torch.isfinite(report.norm_before))
    assert float(named["a.bias"].grad[0]) == bad or math.isnan(bad)
    assert all(torch.equal(named[name].grad, raw[name].grad) for name in named if name != "a.bias")


@pytest.mark.parametrize(("bad", "wrong"), [(math.inf, 1.0), (math.nan, math.nan)])
def test_value_clipping_hides_no_infinity_and_reports_nan(bad: float, wrong: float) -> None:
    """torch: an infinity becomes the threshold, and nobody hears of it; NaN stays, and nobody hears of it either."""
    named, theirs = one(bad, 3.0), one(bad, 3.0)
    assert torch_value(theirs.values(), 1.0) is None
    assert theirs["w"].grad.tolist() == pytest.approx([wrong, 1.0], nan_ok=True)
    report = clip({"name": "value", "threshold": 1.0}, named)
    assert not bool(torch.isfinite(report.norm_before))
    assert named["w"].grad.tolist() == pytest.approx([bad, 3.0], nan_ok=True)


def test_a_parameter_listed_twice_is_clipped_once() -> None:
    """torch: a norm of 5 is counted as 7.1 and scaled twice, to 0.1."""
    ours, theirs = one(3.0, 4.0)["w"], one(3.0, 4.0)["w"]
    assert float(torch_norm([theirs, theirs], 1.0)) == pytest.approx(7.07, rel=1e-3)
    assert float(theirs.grad.norm()) == pytest.approx(0.1, rel=1e-3)
    report = build_clipper({"name": "norm", "threshold": 1.0})([ours, ours])
    assert float(report.norm_before) == 5.0
    assert float(ours.grad.norm()) == pytest.approx(1.0)


@pytest.mark.parametrize("rule", ["norm", "value"])
def test_an_uncoalesced_sparse_gradient_is_measured_right(rule: str) -> None:
    """torch: clipping sparse gradients fails, and the norm of an uncoalesced one is 3.46 where it is 6.93."""
    embedding = torch.nn.Embedding(3, 3, sparse=True)
    embedding(torch.tensor([1, 1, 1, 1])).sum().backward()
    assert float(embedding.weight.grad._values().norm()) == pytest.approx(3.464, rel=1e-3)
    for theirs in (torch_norm, torch_value):
        with pytest.raises(NotImplementedError):
            theirs(embedding.parameters(), 1.0)
    report = build_clipper({"name": rule, "threshold": 1.0})(embedding.parameters())
    assert float(report.norm_before) == pytest.approx(6.928, rel=1e-3)
    expected = 1.0 if rule == "norm" else math.sqrt(3)
    assert float(embedding.weight.grad.to_dense().norm()) == pytest.approx(expected)


def test_at_the_threshold_nothing_changes() -> None:
    """torch: because of its 1e-6 a gradient of the very length of the threshold is shortened."""
    named, theirs = one(3.0, 4.0), one(3.0, 4.0)
    torch_norm(theirs.values(), 5.0)
    assert norm(theirs) < 5.0
    assert not bool(clip({"name": "norm", "threshold": 5.0}, named).clipped)
    assert named["w"].grad.tolist() == [3.0, 4.0]


def test_clipping_twice_is_clipping_once() -> None:
    """torch: what was clipped is, because of the same 1e-6, clipped again."""
    named, theirs, ends = one(3.0, 4.0), one(3.0, 4.0), []
    for _ in range(2):
        clip({"name": "norm", "threshold": 5e-4}, named)
        torch_norm(theirs.values(), 5e-4)
        ends.append((named["w"].grad.tolist(), theirs["w"].grad.tolist()))
    assert ends[0][0] == ends[1][0]
    assert ends[0][1] != ends[1][1]


def test_the_infinity_norm_is_the_largest_element() -> None:
    """torchrec: norm ** (1 / inf) is 1, whatever the gradient: at a threshold of 2 it seems short enough."""
    named = one(3.0, -8.0)
    assert float(named["w"].grad.abs().max() ** (1 / math.inf)) == 1.0
    clip({"name": "norm", "threshold": 2.0, "p": "inf"}, named)
    assert named["w"].grad.tolist() == [0.75, -2.0]


def test_zero_gradients_stay_zero_at_a_threshold_of_zero() -> None:
    """optax: at a threshold of zero a gradient of zero becomes NaN."""
    import optax

    updates, _ = optax.clip_by_global_norm(0.0).update({"w": np.zeros(2, np.float32)}, None)
    assert bool(np.isnan(np.array(updates["w"])).all())
    named = one(0.0, 0.0)
    clip({"name": "norm", "threshold": {"name": "fixed", "value": 0, "freeze": True}}, named)
    assert named["w"].grad.tolist() == [0.0, 0.0]


def test_a_gradient_of_zero_is_normalised_to_zero() -> None:
    """NeMo's normalisation divides by a norm of zero."""
    named = one(0.0, 0.0)
    assert bool((named["w"].grad / named["w"].grad.norm()).isnan().all())
    clip({"name": "normalize", "threshold": 1.0}, named)
    assert named["w"].grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", NORMS)
def test_zero_gradients_at_any_threshold_are_zero(name: str) -> None:
    for threshold in (1e-30, 1.0, {"name": "fixed", "value": 0, "freeze": True}):
        named = parameters(0.0)
        clip({"name": name, "threshold": threshold}, named)
        assert norm(named) == 0


def test_a_sentinel_is_no_norm() -> None:
    """DeepSpeed: -1 stands for a norm that is not finite; clipping by it multiplies by -1.000001."""
    named = one(math.inf, 1.0)
    theirs = named["w"].grad * min(1.0 / (-1.0 + 1e-6), 1.0)
    assert theirs.tolist() == [-math.inf, pytest.approx(-1.000001, rel=1e-7)]
    report = clip({"name": "norm", "threshold": 1.0}, named)
    assert float(report.norm_before) == math.inf
    assert float(named["w"].grad[1]) == 1.0


def test_a_short_gradient_is_never_lengthened_by_clipping() -> None:
    """pytorch_optimizer's synchronised clipping, as first published, multiplies a norm of 0.1 by ten."""
    named = one(0.06, 0.08)
    theirs = named["w"].grad * (1.0 / (named["w"].grad.norm() + 1e-6))
    assert float(theirs.norm()) == pytest.approx(1.0, rel=1e-4)
    clip({"name": "norm", "threshold": 1.0}, named)
    assert norm(named) == pytest.approx(0.1)


def test_value_clipping_limits_elements_and_does_not_scale_them() -> None:
    """composer: under sharding, "value" scales by the infinity norm."""
    named = one(0.5, -8.0)
    theirs = named["w"].grad * min(1.0, 2.0 / float(named["w"].grad.abs().max()))
    assert theirs.tolist() == [0.125, -2.0]
    clip({"name": "value", "threshold": 2.0}, named)
    assert named["w"].grad.tolist() == [0.5, -2.0]


def test_every_parameter_is_clipped_whatever_its_optimiser_group() -> None:
    """SpeechBrain: only the first parameter group is clipped."""
    named, theirs = parameters(), parameters()
    groups, wrong = ([{"params": [p]} for p in each.values()] for each in (named, theirs))
    torch_norm(torch.optim.SGD(wrong, lr=1.0).param_groups[0]["params"], 0.5)
    assert norm(theirs) > 2
    optimizer = torch.optim.SGD(groups, lr=1.0)
    build_clipper({"name": "norm", "threshold": 0.5})(p for group in optimizer.param_groups for p in group["params"])
    assert norm(named) == pytest.approx(0.5, rel=1e-6)


def test_one_nan_is_no_percentile_of_the_history() -> None:
    """AutoClip: the percentile of a history with a NaN is NaN, and so is every sound gradient after it, for ever."""
    norms, theirs, named = [*SOUND[:50], math.nan, *SOUND[50:]], one(3.0, 4.0), one(3.0, 4.0)
    torch_norm(theirs.values(), float(np.percentile(norms, 10)))
    assert bool(theirs["w"].grad.isnan().all())
    report = after("autoclip", norms)(named.items())
    assert torch.equal(report.threshold, after("autoclip", SOUND)(one(3.0, 4.0).items()).threshold)
    assert norm(named) == pytest.approx(5.0, rel=0.1)


def test_one_nan_is_no_quantile_of_the_window() -> None:
    """QuantileClip: the quantile of a window with a NaN is NaN, and so is every sound gradient until it leaves."""
    norms, theirs, named = [*SOUND[:50], math.nan, *SOUND[50:]], one(300.0, 400.0), one(300.0, 400.0)
    torch_norm(theirs.values(), float(torch.quantile(torch.tensor(norms), 0.9)))
    assert bool(theirs["w"].grad.isnan().all())
    after({"name": "quantile", "q": 0.9}, norms)(named.items())
    assert norm(named) == pytest.approx(5.4, rel=0.02)


def test_one_nan_does_not_end_the_clipping_of_spikes() -> None:
    """ZClip: its running mean becomes NaN, no score is larger than the limit, and nothing is clipped again."""
    norms, mean = [*SOUND[:50], math.nan, *SOUND[50:]], 5.0
    for length in norms:
        mean = 0.97 * mean + 0.03 * length
    assert not (500.0 - mean) / 0.1 > 2.5
    spike = one(300.0, 400.0)
    after("zclip", norms)(spike.items())
    assert norm(spike) < 6


def test_one_nan_does_not_skip_the_sound_steps_after_it() -> None:
    """OLMo-core: a step is taken whose score is small enough, and a score of NaN is not, for 128 steps."""
    norms = [*SOUND[:50], math.nan, *SOUND[50:]]
    window = torch.tensor(norms[-128:])
    assert not bool((5.0 - window.mean()) / window.std() <= 6)
    clipper = after("skip_spike", norms)
    assert not bool(clipper(one(3.0, 4.0).items()).skip)
    assert bool(clipper(one(300.0, 400.0).items()).skip)


@pytest.mark.parametrize("rule", LEARNING)
@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_one_bad_step_does_not_poison_what_is_learned(rule: str, bad: float) -> None:
    """The next step, and all after it, are those of a run in which the bad one never was."""
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


def test_a_sudden_drop_is_no_spike() -> None:
    """OLMo-core: the absolute value of the score is compared, and a sudden improvement is skipped."""
    window = torch.tensor(SOUND)
    assert abs((5e-4 - window.mean()) / window.std()) > 6
    clipper = after("skip_spike", SOUND)
    assert not bool(clipper(one(3e-4, 4e-4).items()).skip)
    assert bool(clipper(one(300.0, 400.0).items()).skip)


def test_skipped_steps_can_be_counted() -> None:
    """OLMo-core's ``step_skipped`` is 1 minus a truth value, which torch does not subtract."""
    with pytest.raises(RuntimeError, match="Subtraction, the `-` operator, with a bool tensor is not supported"):
        1 - torch.tensor(True)
    clipper = build_clipper({"name": "skip_spike", "threshold": 2.0})
    assert sum(int(clipper(one(length).items()).skip) for length in (1.0, 3.0, 1.0, 4.0)) == 2


def test_skipping_does_not_lock_when_the_norm_stays_above_the_threshold() -> None:
    """minFM: norms of 2.1 to 2.3 against a threshold of 2.0, and every step is skipped for ever."""
    norms = [2.1 + 0.01 * (step % 20) for step in range(60)]
    assert not any(length <= 2.0 for length in norms)
    clipper = build_clipper({"name": "skip_spike", "threshold": 2.0})
    assert sum(not bool(clipper(one(length).items()).skip) for length in norms) == 10


def test_norms_that_hardly_vary_have_no_outliers() -> None:
    """ZClip: after constant norms, a norm 0.1 % higher scores z = 1000 and is clipped to the mean."""
    deviation = float(np.std([5.0] * 100))
    assert (5.005 - 5.0) / (deviation + 1e-6) > 1000
    clipper = after("zclip", [5.0] * 100)
    assert not bool(clipper(one(3.003, 4.004).items()).clipped)


def test_icefalls_guard_against_nan_never_fires_and_ours_needs_none() -> None:
    """icefall: min(1.0, nan) is 1.0 in Python, so ``ans != ans`` is never true, and a weight becomes NaN."""
    bad = one(math.nan, 4.0)
    scale = min(1.0, 5.0 / float(bad["w"].grad.norm()))
    assert scale == 1.0
    assert bool((bad["w"].detach() - 0.1 * scale * bad["w"].grad)[0].isnan())
    clipper = after({"name": "median_scale", "compat": "icefall"}, [5.0])
    assert not bool(torch.isfinite(clipper(bad.items()).norm_before))
    assert float(bad["w"].grad[1]) == 4.0


def test_adagc_measures_norms_and_not_their_squares() -> None:
    """pytorch_optimizer: early releases of AdaGC take this sum of squares, 25 for [3, 4], for the norm."""
    from pytorch_optimizer.optimizer.utils.gradient import get_global_gradient_norm

    named = one(3.0, 4.0)
    assert float(get_global_gradient_norm([{"params": list(named.values())}])) == 25.0
    assert not bool(clip({"name": "adagc", "absolute": 5.0}, named).clipped)


@pytest.mark.parametrize("rule", [{"name": "adagc", "warmup": 3}, {"name": "ema", "threshold": {"warmup": 3}}])
def test_a_tensor_without_a_gradient_during_warmup_moves_later(rule: dict) -> None:
    """AdaGC: its running norm is zero from then on: NaN weights where the gradient is zero, frozen where it is not."""
    zero, revived = torch.zeros(2), one(0.3, 0.4)
    frozen = min(1.05 * torch.tensor(0.0) / revived["w"].grad.norm(), 1.0)
    assert bool((zero * min(1.05 * torch.tensor(0.0) / zero.norm(), 1.0)).isnan().all())
    assert (revived["w"].grad * frozen).tolist() == [0.0, 0.0]
    clipper = build_clipper(rule)
    for _ in range(6):
        named = one(0.0, 0.0)
        clipper(named.items())
        assert norm(named) == 0
    clipper(revived.items())
    assert norm(revived) == pytest.approx(0.5)


def test_a_spiked_element_really_is_limited() -> None:
    """SPAM and StableSPAM, as they were published, limit a copy of the elements: the clip never happens."""
    spiked, squared = one(1e5, 1.0), torch.ones(2)
    theirs = spiked["w"].grad.clone()
    mask = theirs**2 > 4.0 * squared
    theirs[mask].sign_().mul_(torch.sqrt(4.0 * squared[mask]))
    assert theirs.tolist() == [1e5, 1.0]
    clipper = build_clipper({"name": "spam", "theta": 4.0})
    for _ in range(30):
        clipper(one(1.0, 1.0).items())
    clipper(spiked.items())
    torch.testing.assert_close(spiked["w"].grad, torch.tensor([2.0, 1.0]))


def test_spam_flags_nothing_before_it_knows_anything() -> None:
    """SPAM: the second moment starts at zero, and every element of the first step is a spike."""
    named = one(1.0, -5.0)
    assert bool((named["w"].grad ** 2 > 5000 * torch.zeros(2)).all())
    assert not bool(clip("spam", named).clipped)


def test_a_parameter_that_starts_at_zero_moves() -> None:
    """composer: without a floor, a bias of zero gets a coefficient of zero for ever."""
    named = one(1.0, 1.0)
    coefficient = (0.01 * named["w"].detach().norm() / named["w"].grad.norm()).nan_to_num(nan=1.0).clamp(max=1.0)
    assert float(coefficient) == 0
    clip("agc", named)
    assert norm(named) == pytest.approx(0.01 * 1e-3, rel=1e-6)


@pytest.mark.parametrize("kernel", [(4, 3, 5), (2, 6, 2)])
def test_the_unit_of_a_convolution_is_its_output_channel(kernel: tuple[int, int, int]) -> None:
    """Of (output, input, width) optax limits every input and place for all outputs together, pytorch_optimizer every
    output and place for all inputs. timm and composer are right.
    """
    import optax
    from pytorch_optimizer.optimizer.utils.gradient import unit_norm
    from timm.utils.agc import unitwise_norm

    named, raw = parameters(shapes={"conv": kernel}), parameters(shapes={"conv": kernel})["conv"].grad
    arrays = [{"conv": tensor.detach().numpy()} for tensor in (raw, named["conv"])]
    limit = optax.adaptive_grad_clip(0.01)
    updates, _ = limit.update(arrays[0], limit.init(arrays[1]), arrays[1])
    coefficients = torch.from_numpy(np.array(updates["conv"])) / raw
    torch.testing.assert_close(coefficients, coefficients[:1].expand(kernel))
    assert float((coefficients[0] - coefficients[0, 0, 0]).abs().max()) > 1e-4
    assert unit_norm(raw).shape == (kernel[0], 1, kernel[2])
    assert unitwise_norm(raw).shape == (kernel[0], 1, 1)

    clip("agc", named)
    limits = 0.01 * unitwise_norm(named["conv"].detach())
    torch.testing.assert_close(named["conv"].grad, raw * limits / unitwise_norm(raw))
    named["conv"].grad = raw.clone()
    clip({"name": "norm", "threshold": 0.125, "scope": "unit"}, named)
    torch.testing.assert_close(unitwise_norm(named["conv"].grad), torch.full((kernel[0], 1, 1), 0.125))


def test_replicas_draw_the_same_random_thresholds_and_noise() -> None:
    """Thresholds from every process's own generator let replicas drift apart by 0.058 in ten steps."""

    def drift(clippers: Sequence[object]) -> float:
        ends = []
        for clipper in clippers:
            named = parameters()
            for step in range(10):
                for p, drawn in zip(named.values(), parameters(1.0, step).values(), strict=True):
                    p.grad = drawn.grad
                clipper(named)
                torch.optim.SGD(named.values(), lr=0.1).step()
            ends.append(torch.cat([p.detach().flatten() for p in named.values()]))
        return float((ends[0] - ends[1]).norm())

    def theirs(seed: int) -> object:
        generator = torch.Generator().manual_seed(seed)
        return lambda named: torch_norm(named.values(), float(0.5 + 1.5 * torch.rand((), generator=generator)))

    def ours(seed: int) -> object:
        clipper = build_clipper([{"name": "noise"}, {"name": "random"}], seed=3)

        def clip(named: dict[str, torch.nn.Parameter]) -> None:
            torch.randn(seed)  # the process's generator is somewhere else
            clipper(named.items())

        return clip

    assert drift([theirs(0), theirs(1)]) > 0.05
    assert drift([ours(0), ours(1)]) == 0


def test_a_learned_clipper_can_be_saved() -> None:
    """AutoClip, ZClip and OLMo-core have no state to save: what they learned is lost on resume."""
    for name in LEARNING:
        clipper = build_clipper(name)
        clipper(parameters().items())
        assert clipper.state_dict()["state"], name


def test_the_report_tells_the_norm_before_from_the_norm_after() -> None:
    """torchtitan documents the norm after clipping and returns torch's, which is the one before."""
    named, theirs = one(3.0, 4.0), one(3.0, 4.0)
    assert float(torch_norm(theirs.values(), 1.0)) == 5.0
    report = clip({"name": "norm", "threshold": 1.0}, named)
    assert (float(report.norm_before), float(report.norm_after)) == (5.0, pytest.approx(1.0))


def test_a_gradient_of_the_size_of_denormals_is_measured() -> None:
    """The squares of 1e-25 vanish in float32."""
    named = one(3e-25, 4e-25)
    assert float(named["w"].grad.square().sum()) == 0
    clip({"name": "norm", "threshold": 1e-25}, named)
    assert float(flat(named).norm()) == pytest.approx(1e-25, rel=1e-6, abs=0)


def test_the_table_has_no_rule_that_another_hides() -> None:
    others = [config for name, config in CLIPPERS.items() if name != "truncation"]  # another spelling of truncate
    assert len(set(others)) == len(others)


def test_numbers_too_large_for_the_gradients_type_are_none_and_settings_too_large_are_refused() -> None:
    """A factor of 1e44 is multiplied in two steps, neither of which is infinite in half precision."""
    tiny = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    tiny.grad = torch.tensor([3e-45, 0.0, 4e-45], dtype=torch.float64)
    half = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    half.grad = torch.zeros(1, dtype=torch.bfloat16)
    build_clipper({"name": "normalize", "threshold": 0.5, "scope": "layer"})([tiny, half])
    torch.testing.assert_close(tiny.grad, torch.tensor([0.3, 0.0, 0.4], dtype=torch.float64))
    assert half.grad.tolist() == [0.0]
    weight = torch.nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.ones(2, 2)
    assert not build_clipper({"name": "agc", "compat": "timm", "floor": 1e308})([weight]).clipped
    with pytest.raises(UsageError, match="eta: wants a number > 0, ≤ 100000000"):
        build_clipper({"name": "noise", "eta": 1e308, "gamma": 0.0})
