"""What the run log says about gradients is what happened to them: measured again from saved gradients of real steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_recipe import CPU, ingredients

from asrtrain.clipping import Clipper, ClipReport, Gradients, UpdateReport
from asrtrain.errors import CheckpointError
from asrtrain.training import TrainingConfig, train
from asrtrain.training.parameter_words import in_words
from asrtrain.training.records import StepBuffer, StepRecord
from asrtrain.training.run_log import read_steps
from asrtrain.training.step import Updater

LEARNED = {"name": "norm", "threshold": {"name": "dynamic", "quantile": 0.5, "window": 8, "warmup": 2}}
CASES: dict[str, Any] = {
    "none": {"name": "none"},
    "norm": {"name": "norm", "threshold": 0.5},
    "norm by layer": {"name": "norm", "scope": "layer", "threshold": 0.4},
    "value": {"name": "value", "threshold": 0.02},
    "quantile": LEARNED,
    "two rules": [{"name": "value", "threshold": 0.05}, {"name": "norm", "threshold": 0.5}],
    "sign": {"name": "sign", "threshold": 1e-3},
}


@dataclass
class Seen:
    """A step's gradients before and after clipping, by parameter, and its weights before and after, all flat."""

    before: dict[str, torch.Tensor]
    after: dict[str, torch.Tensor]
    weights_before: torch.Tensor
    weights_after: torch.Tensor


def flat(tensors: Any) -> torch.Tensor:
    return torch.cat([tensor.detach().double().flatten() for tensor in tensors])


@pytest.fixture
def recorded(fsdd: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Trains for a while with a clipping rule; returns the log's steps and what was seen at each."""
    seen: list[Seen] = []
    clip_, step_ = Clipper.clip, Clipper.step

    def clip(self: Clipper, gradients: Gradients) -> ClipReport:
        before = {n: t.clone().double() for n, t in zip(gradients.names, gradients.tensors, strict=True)}
        weights = flat(gradients.parameters)
        report = clip_(self, gradients)
        after = {n: t.clone().double() for n, t in zip(gradients.names, gradients.tensors, strict=True)}
        seen.append(Seen(before, after, weights, weights))
        return report

    def step(self: Clipper, optimizer: torch.optim.Optimizer, *, measured: bool = False) -> UpdateReport | None:
        report = step_(self, optimizer, measured=measured)
        seen[-1].weights_after = flat(p for group in optimizer.param_groups for p in group["params"])
        return report

    monkeypatch.setattr(Clipper, "clip", clip)
    monkeypatch.setattr(Clipper, "step", step)

    def recording(clipping: Any, **settings: Any) -> tuple[list[StepRecord], list[Seen]]:
        config = TrainingConfig(max_epochs=2, batch_size=10, log_interval=5, **settings)
        parts = ingredients(fsdd, cache, config, clipping=clipping, optimizer={"name": "sgd", "lr": 0.1})
        # One group of parameters, in the order of their gradients.
        parts.optimizer.param_groups[0]["params"] = list(parts.model.parameters())
        del parts.optimizer.param_groups[1:]
        train(parts, config, tmp_path / "run", seed=1, device=CPU, metadata={})
        return list(read_steps(tmp_path / "run")), seen

    yield recording


@pytest.mark.parametrize("name", CASES)
def test_the_log_tells_what_happened_to_the_gradients(recorded, name):
    records, seen = recorded(CASES[name])
    assert len(records) == len(seen) == 12
    for record, step in zip(records, seen, strict=True):
        before, after = flat(step.before.values()), flat(step.after.values())
        assert record.norm_before == pytest.approx(float(before.norm()), rel=1e-5)
        assert record.norm_after == pytest.approx(float(after.norm()), rel=1e-5)
        assert record.coefficient == pytest.approx(float(after.norm() / before.norm()), rel=1e-5)
        assert record.clipped == (not torch.equal(before, after))
        changed = float((before != after).double().mean())
        assert record.clipped_share >= changed * (1 - 1e-5)
        assert (record.clipped_share > 0) == record.clipped
        assert record.cosine == pytest.approx(float(before @ after / before.norm() / after.norm()), abs=2e-6)
        assert record.largest == pytest.approx(float(before.abs().max()), rel=1e-5)
        assert record.largest_at is not None
        assert float(step.before[record.largest_at].abs().max()) == float(before.abs().max())
        assert sum(record.shares.values()) == pytest.approx(1, abs=1e-6)
        for parameter, gradient in step.before.items():
            assert record.shares[parameter] == pytest.approx(
                float((gradient.norm() / before.norm()) ** 2), rel=1e-5, abs=1e-12
            )


def test_the_update_is_measured_at_every_tenth_step(recorded):
    records, seen = recorded(CASES["norm"])
    for record, step in zip(records, seen, strict=True):
        if record.step in (1, 11):
            moved = step.weights_after - step.weights_before
            assert record.update_ratio == pytest.approx(float(moved.norm() / step.weights_before.norm()), rel=1e-4)
        else:
            assert record.update_ratio is None
        assert not record.update_clipped


def test_a_rule_on_updates_is_told_of_at_every_step(recorded):
    records, seen = recorded({"name": "max_change", "total": 1e-3})
    for record, step in zip(records, seen, strict=True):
        moved = step.weights_after - step.weights_before
        assert record.update_clipped
        assert record.update_ratio == pytest.approx(float(moved.norm() / step.weights_before.norm()), rel=1e-3)
        assert not record.clipped


def test_thresholds_and_what_they_were_learned_from_are_those_of_their_step(recorded):
    """Reports wait for the flush, while the rule goes on learning."""
    records, _ = recorded(LEARNED)
    norms = [record.norm_before for record in records]
    for place, record in enumerate(records):
        assert record.estimates["0.seen"] == place + 1
        if place < 2:
            assert (record.threshold, record.clipped) == (None, False)
            continue
        known = torch.tensor(norms[max(0, place - 8) : place], dtype=torch.float64)
        assert record.threshold == record.estimates["0.quantile"] == pytest.approx(float(known.quantile(0.5)), rel=1e-5)
        assert record.norm_after == pytest.approx(min(norms[place], record.threshold), rel=1e-5)


def test_a_step_that_was_not_taken_says_why_and_claims_nothing(fsdd, cache, tmp_path):
    config = TrainingConfig(max_epochs=1, batch_size=10, max_steps=2)
    parts = ingredients(fsdd, cache, config, clipping={"name": "skip_spike", "threshold": 1e-9, "patience": 2})
    train(parts, config, tmp_path, seed=1, device=CPU, metadata={})
    records = list(read_steps(tmp_path))
    assert [record.reason for record in records[:3]] == ["spike", "spike", ""]
    for record in records[:2]:
        assert not record.stepped
        assert record.norm_before is not None
        assert (record.coefficient, record.norm_after, record.shares, record.largest_at) == (None, None, {}, None)


def test_infeasible_and_dropped_utterances_are_counted(fsdd, cache):
    config = TrainingConfig(batch_size=6)
    parts = ingredients(fsdd, cache, config)
    report = Updater(parts, config, CPU, decides=True)([next(iter(parts.batches.epoch(0)))])
    buffer = StepBuffer()
    buffer.add(1, 1, replace(report, counted=torch.tensor(4.0), dropped=("x", "y", "z")))
    ((record, _),) = buffer.drain()
    assert (record.utterances, record.counted, record.infeasible, record.dropped) == (9, 4, 2, 3)


def test_nothing_is_read_before_the_flush_and_everything_at_once(fsdd, cache, monkeypatch):
    config = TrainingConfig(batch_size=10)
    parts = ingredients(fsdd, cache, config, clipping=LEARNED)
    update, buffer, read = Updater(parts, config, CPU, decides=True), StepBuffer(), []
    reports = [update([batch]) for batch in parts.batches.epoch(0)]
    monkeypatch.setattr("asrtrain.clipping.parts.looking._FREE", frozenset())  # as on a device
    tolist = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: (read.append(tensor.shape), tolist(tensor))[1])
    for name in ("item", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, lambda *_: pytest.fail("the host waited"))
    for step, report in enumerate(reports, start=1):
        buffer.add(step, 1, report)
    assert not read
    assert len(buffer.drain()) == 6
    assert len(read) == 1


def test_a_damaged_line_is_found(straight, tmp_path):
    whole = (straight / "metrics.jsonl").read_text().splitlines()
    step = json.loads(whole[1])
    for bad in (step | {"shares": [1.0]}, step | {"surprise": 1}, {k: v for k, v in step.items() if k != "cosine"}):
        (tmp_path / "metrics.jsonl").write_text("\n".join([whole[0], json.dumps(bad)]) + "\n")
        with pytest.raises(CheckpointError, match=r"metrics\.jsonl is damaged, or of another version"):
            list(read_steps(tmp_path))


def test_what_is_read_is_what_was_written(straight):
    names = json.loads((straight / "metrics.jsonl").read_text().splitlines()[0])["names"]
    records = list(read_steps(straight))
    assert [record.step for record in records] == list(range(1, 13))
    assert all(list(record.shares) == names for record in records)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("layers.1.forwards.weight_hh_l0", "layer 1 forwards hidden-to-hidden"),
        ("layers.0.backwards.bias_ih_l0", "layer 0 backwards input-to-hidden bias"),
        ("lstm.weight_hh_l2_reverse", "lstm layer 2 backwards hidden-to-hidden"),
        ("lstm.weight_hr_l0", "lstm layer 0 projection"),
        ("front.blocks.2.conv.weight", "front block 2 conv weight"),
        ("blocks.0.first_norm.norm.bias", "block 0 first norm bias"),
        ("head.linear.weight", "head linear weight"),
        ("0.weight", "0 weight"),
        ("weight", "weight"),
    ],
)
def test_parameters_have_names_in_words(name, words):
    assert in_words(name) == words
