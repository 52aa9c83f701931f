"""What every clipping rule of the table keeps to, whatever it promises beyond.

Where the common properties are tested (P: test_promises, L: tests/training): 1 no-op below the threshold P; 2 bound
P; 3 idempotent P; 4 joint scaling P; 5 monotone P; 6 non-expansive P; 7 zero stays zero P; 8 partition P; 9 processes
L, test_two_processes; 10 accumulation L, test_steps; 11 loss scale P (joint scaling) and L, test_steps; 12 half
precision and 1e20 P; 13 missing, empty, tied, sparse gradients here; 14 poison here; 15 resume here; 16 no waiting P;
17 the report is true here; 18 no lock test_known_bugs; 19 bad settings here. What each rule does beyond stands in
test_rules, test_scopes, test_thresholds and test_equal_to_peers.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from clipping_cases import RULES, attached, clip, flat, gradients, label, norm, parameters, same

from asrtrain.clipping import CLIPPERS, build_clipper
from asrtrain.errors import CheckpointError, UsageError

THRESHOLDS = [
    {"name": "scheduled", "start": 0.5, "end": 0.1, "steps": 7},
    {"name": "scheduled", "start": 0.5, "end": 0.1, "steps": 7, "shape": "exponential"},
    {"name": "random", "low": 0.1, "high": 0.5},
    {"name": "dynamic", "quantile": 0.5, "window": 8, "warmup": 3},
    {"name": "median", "factor": 0.5, "window": 4},
    {"name": "ema", "factor": 1.0, "warmup": 2},
    {"name": "zscore", "z": 0.25, "warmup": 3},
]
WITH_THRESHOLDS = [{"name": name, "threshold": t} for name in ("value", "norm") for t in THRESHOLDS]
EVERY = pytest.mark.parametrize("rule", [*RULES, *WITH_THRESHOLDS], ids=label)
BAD_THRESHOLDS = [-1.0, 0, float("nan"), float("inf"), True, "1", None, {"name": "fixd", "value": 1}]


@EVERY
def test_the_report_is_true(rule: dict) -> None:
    clipper = attached(rule)
    for step in range(6):
        named, raw = parameters(1.0, step), parameters(1.0, step)
        report = clipper(named.items())
        assert float(report.norm_before) == pytest.approx(norm(raw), rel=1e-6)
        assert float(report.norm_after) == pytest.approx(norm(named), rel=5e-6)
        assert float(report.coefficient) == pytest.approx(norm(named) / norm(raw), rel=1e-6)
        changed = float((flat(named) != flat(raw)).double().mean())
        assert bool(report.clipped) == (changed > 0)
        assert float(report.clipped_share) == pytest.approx(changed, abs=0.02)
        assert report.names == tuple(named)
        assert float(report.norms.square().sum().sqrt()) == pytest.approx(norm(raw), rel=1e-6)
        cosine = torch.cosine_similarity(flat(raw), flat(named), dim=0) if norm(named) else 1.0
        assert float(report.cosine) == pytest.approx(float(cosine), abs=1e-6)
        peaks = [float(g.abs().max()) for g in gradients(raw)]
        assert (float(report.largest), int(report.largest_at)) == (max(peaks), peaks.index(max(peaks)))
        assert all(value.ndim == 0 for value in report.estimates.values())


def test_the_cosine_of_several_turning_rules_is_that_of_the_whole_list() -> None:
    rules = ["centralize", {"name": "noise", "eta": 0.1}, {"name": "norm", "threshold": 1.0}, {"name": "sign"}]
    named, raw = parameters(), parameters()
    report = clip(rules, named)
    expected = float(torch.cosine_similarity(flat(raw), flat(named), dim=0))
    assert 0.3 < expected < 0.99
    assert float(report.cosine) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("rule", ["value", "sign", "centralize", "agc", {"name": "norm", "scope": "unit"}], ids=str)
def test_large_tensors_are_turned_in_pieces_as_in_one(rule: object) -> None:
    shapes = {"w": (700, 300), "b": (200_001,), "conv": (3, 300, 200)}
    settings = rule if isinstance(rule, dict) else {"name": rule}
    settings |= {"threshold": 0.5} if settings["name"] in ("value", "norm") else {}
    named, raw = parameters(shapes=shapes), parameters(shapes=shapes)
    report = clip(settings, named)
    for name, parameter in named.items():
        alone = {name: torch.nn.Parameter(parameter.detach().double())}
        alone[name].grad = raw[name].grad.double()
        clip(settings, alone)
        torch.testing.assert_close(parameter.grad.double(), alone[name].grad, rtol=1e-5, atol=1e-7)
    assert float(report.cosine) == pytest.approx(
        float(torch.cosine_similarity(flat(raw), flat(named), dim=0)), abs=5e-6
    )
    assert float(report.norm_after) == pytest.approx(norm(named), rel=5e-6)
    assert float(report.clipped_share) == pytest.approx(float((flat(named) != flat(raw)).double().mean()), abs=1e-4)


def test_without_details_nothing_else_changes() -> None:
    named, other = parameters(), parameters()
    clipper = build_clipper({"name": "norm", "threshold": 1.0})
    full, lean = clipper(named.items()), clipper(other.items(), detailed=False)
    assert same(named, other)
    assert (int(lean.largest_at), bool(lean.largest.isnan())) == (-1, True)
    assert torch.equal(full.cosine, lean.cosine)


@pytest.mark.parametrize(
    ("rule", "keys"),
    [("dynamic", "quantile seen"), ("median_scale", "seen threshold"), ("zclip", "mean seen std"),
     ({"name": "ema", "scope": "global"}, "mean seen std"), ("skip_spike", "mean seen std"),
     ("ema", ""), ({"name": "norm", "threshold": 1.0}, "")],
    ids=str,
)  # fmt: skip
def test_what_was_learned_for_all_gradients_is_told(rule: object, keys: str) -> None:
    clipper = build_clipper(rule)
    norms = []
    for step in range(5):
        named = parameters(1.0, step)
        norms.append(norm(named))
        report = clipper(named.items())
    assert sorted(key.removeprefix("0.") for key in report.estimates) == keys.split()
    if "mean" in keys:
        mean, std = (float(report.estimates[f"0.{key}"]) for key in ("mean", "std"))
        found = torch.tensor(norms, dtype=torch.float64)
        assert (mean, std) == pytest.approx((float(found.mean()), float(found.std(correction=0))), rel=1e-6)
        assert int(report.estimates["0.seen"]) == 5


@pytest.mark.parametrize("other", CLIPPERS)
@pytest.mark.parametrize("own", ["none", "centralize", "spam", "zclip"])
def test_the_state_of_other_rules_is_refused_with_a_way_out(own: str, other: str) -> None:
    def of(name: str) -> dict:
        return {"name": name, **CLIPPERS[name].examples[0]}

    saved = build_clipper([of(other), of("value") | {"threshold": 1.0}]).state_dict()
    for rules in ([of(own)], [of(own), of("noise")], [of("value"), of(own)]):
        with pytest.raises(
            CheckpointError, match="keep the clipping settings that it was saved with, or do not load it"
        ):
            build_clipper(rules).load_state_dict(saved)


@EVERY
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_non_finite_gradients_are_reported_and_left_alone(rule: dict, bad: float) -> None:
    named = parameters(1.0)
    named["a.bias"].grad[1] = bad
    before = gradients(named)
    report = clip(rule, named)
    assert not bool(torch.isfinite(report.norm_before))
    assert not bool(report.clipped)
    assert not bool(report.skip)
    assert all(torch.equal(a.nan_to_num(7), b.nan_to_num(7)) for a, b in zip(before, gradients(named), strict=True))


@EVERY
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_non_finite_step_leaves_no_trace_in_the_state(rule: dict, bad: float) -> None:
    poisoned, clean = attached(rule), attached(rule)
    for step in range(10):
        if step in (1, 6):
            named = parameters(1.0)
            named["b.weight"].grad.fill_(bad)
            poisoned(named.items())
        left, right = parameters(1.0, step), parameters(1.0, step)
        poisoned(left.items())
        clean(right.items())
        assert same(left, right)


@EVERY
@pytest.mark.parametrize("stop", [1, 9])
def test_a_resumed_clipper_goes_on_bit_for_bit(rule: dict, stop: int) -> None:
    straight = attached(rule, seed=5)
    for step in range(stop):
        straight(parameters(1.0, step).items())
    resumed = attached(rule, seed=5)
    saved = copy.deepcopy(straight.state_dict())
    resumed.load_state_dict(saved)
    for step in range(stop, stop + 5):
        left, right = parameters(1.0, step), parameters(1.0, step)
        assert torch.equal(straight(left.items()).threshold, resumed(right.items()).threshold)
        assert same(left, right)
    again = attached(rule, seed=5)
    again.load_state_dict(saved)  # what was loaded is not changed by going on
    kept, now = saved["state"], again.state_dict()["state"]
    assert all(torch.equal(kept[key], value) for key, value in now.items())


@EVERY
def test_missing_gradients_are_no_error(rule: dict) -> None:
    named, clipper = parameters(1.0), attached(rule)
    clipper(named.items())
    named["a.weight"].grad = None
    assert "a.weight" not in clipper(named.items()).names
    for parameter in named.values():
        parameter.grad = None
    assert clipper(named.items()).names == ()
    clipper(parameters(1.0).items())


@EVERY
def test_empty_tensors_are_no_error(rule: dict) -> None:
    named = parameters(1.0)
    named["a.bias"] = torch.nn.Parameter(torch.zeros(0))
    named["a.bias"].grad = torch.zeros(0)
    assert torch.isfinite(clip(rule, named).norm_after)


@EVERY
def test_a_tied_parameter_is_clipped_once(rule: dict) -> None:
    once, twice = parameters(1.0), parameters(1.0)
    attached(rule)(once.items())
    report = attached(rule)([*twice.items(), ("tied", twice["a.weight"])])
    assert "tied" not in report.names
    assert same(once, twice)


@EVERY
def test_sparse_gradients_are_clipped_as_coalesced(rule: dict) -> None:
    clipper = attached(rule)
    for _ in range(6):
        embedding = torch.nn.Embedding(5, 2, sparse=True)
        embedding(torch.tensor([1, 1, 3])).sum().backward()
        report = clipper(embedding.named_parameters())
        assert float(report.norm_before) == pytest.approx((2 * 4 + 2 * 1) ** 0.5)
        assert float(report.norm_after) == pytest.approx(float(embedding.weight.grad.to_dense().norm()), rel=1e-6)


@EVERY
def test_two_clippers_of_one_seed_agree(rule: dict) -> None:
    clippers = attached(rule, seed=3), attached(rule, seed=3)
    for step in range(6):
        left, right = parameters(1.0, step), parameters(1.0, step)
        clippers[0](left.items())
        clippers[1](right.items())
        assert same(left, right)


@pytest.mark.parametrize("bad", BAD_THRESHOLDS, ids=str)
@pytest.mark.parametrize("name", [name for name, config in CLIPPERS.items() if "threshold" in config.model_fields])
def test_a_threshold_that_cannot_be_one_is_refused(name: str, bad: object) -> None:
    with pytest.raises(UsageError, match="threshold"):
        attached({**CLIPPERS[name].examples[0], "name": name, "threshold": bad})


@pytest.mark.parametrize("wrong", [5, None, [[]], {"threshold": 1.0}, {"name": "norm", "threshold": torch.ones(2)}])
def test_what_is_no_rule_is_refused_in_one_line(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"^clipping") as caught:
        build_clipper(wrong)
    assert len(str(caught.value).splitlines()) == 1
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize("name", CLIPPERS)
def test_unknown_keys_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="treshold"):
        attached({"name": name, "treshold": 1.0})
