"""The story of one update: weights, order, decisions."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from changed_heads import as_before, changed, constant
from training_recipe import CPU, ingredients

from asrtrain.training import Ingredients, NonFiniteConfig, TrainingConfig
from asrtrain.training.loss_scale import LossScale
from asrtrain.training.optimizer_state import optimizer_state, restore_optimizer
from asrtrain.training.report import StepReport
from asrtrain.training.step import Updater
from asrtrain.training.tree import join, split
from asrtrain.types import Batch, Targets

SGD = {"name": "sgd", "lr": 0.1, "momentum": 0.0}
NO_CLIPPING = {"name": "none"}


@pytest.fixture
def build(fsdd: Path, cache: Path):
    def build(config: TrainingConfig | None = None, **changes: Any) -> Ingredients:
        options = {"model": {"name": "gru", "hidden_size": 8, "dropout": 0.0}, "optimizer": SGD, "augment": False}
        return ingredients(fsdd, cache, config or TrainingConfig(batch_size=8), **{**options, **changes})

    return build


def updater(parts: Ingredients, *, decides: bool = True, **settings: Any) -> Updater:
    parts.model.train()
    return Updater(parts, TrainingConfig(**settings), CPU, decides=decides)


def weights(parts: Ingredients) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in parts.model.state_dict().items()}


def joined(batches: list[Batch]) -> Batch:
    """Several batches as one, padded to the longest."""
    longest = max(batch.features.shape[1] for batch in batches)
    padded = [torch.nn.functional.pad(b.features, (0, 0, 0, longest - b.features.shape[1])) for b in batches]
    lengths, targets = torch.cat([b.lengths for b in batches]), [b.targets["label"] for b in batches]
    joint = Targets(torch.cat([one.values for one in targets]), torch.cat([one.lengths for one in targets]))
    return Batch(tuple(i for b in batches for i in b.ids), torch.cat(padded), lengths, {"label": joint})


@pytest.mark.parametrize("sizes", [(8, 8, 8), (8, 8, 4), (1, 13)])
def test_accumulated_batches_are_one_batch_also_where_they_are_ragged(build, sizes):
    parts = build()
    everything = joined(list(parts.batches.epoch(0)))
    begins = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    window = [everything.select(range(a, b)) for a, b in pairwise(begins)]
    one, several = copy.deepcopy(parts.model), copy.deepcopy(parts.model)
    reports = []
    for model, batches in ((one, [joined(window)]), (several, window)):
        other = replace(parts, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
        reports.append(updater(other)(batches))
    torch.testing.assert_close(reports[0].loss, reports[1].loss)
    torch.testing.assert_close(reports[0].norm, reports[1].norm)
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(tensor, several.state_dict()[name], atol=1e-6, rtol=1e-5)


def test_utterances_that_do_not_count_weigh_nothing(build):
    with_it, without_it = build(), build()
    batch = next(with_it.batches.epoch(0))
    rest = batch.without({batch.ids[0]})
    report = updater(changed(with_it, {batch.ids[0]}, "uncounted"))([batch])
    other = updater(without_it)([rest])
    assert report.counted == len(batch.ids) - 1
    torch.testing.assert_close(report.loss, other.loss)
    torch.testing.assert_close(report.norm, other.norm)
    for name, tensor in weights(with_it).items():
        torch.testing.assert_close(tensor, weights(without_it)[name], atol=1e-6, rtol=1e-5)


def test_a_window_in_which_nothing_counts_is_no_step(build):
    parts = build()
    batch = next(parts.batches.epoch(0))
    before = weights(parts)
    report = updater(changed(parts, set(batch.ids), "uncounted"))([batch])
    assert report.reason == "nothing counted"
    assert report.clip is None
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(parts).items())


def test_penalties_come_after_clipping_and_leave_vectors_alone(build):
    parts = build(clipping={"name": "norm", "threshold": 1e-3})
    before = weights(parts)
    report = updater(parts, l1=0.02, l2=0.3)([next(parts.batches.epoch(0))])
    assert report.clip is not None
    assert report.clip.clipped
    torch.testing.assert_close(report.clip.norm_after, torch.tensor(1e-3, dtype=torch.float64), atol=1e-9, rtol=1e-6)
    step = {name: (before[name] - tensor) / 0.1 for name, tensor in weights(parts).items()}
    clipped = {}
    for name, parameter in parts.model.named_parameters():
        penalty = 0.02 * before[name].sign() + 0.3 * before[name] if parameter.dim() >= 2 else 0.0
        clipped[name] = step[name] - penalty
    # What is left when the penalties are taken away has exactly the norm that it was clipped to.
    norm = torch.stack([tensor.double().norm() for tensor in clipped.values()]).norm()
    assert norm == pytest.approx(1e-3, rel=0.02)


def test_the_learning_rate_is_the_schedule_of_steps_taken(build):
    class Halving:
        def factor(self, step: int) -> float:
            return 0.5**step

    parts, spoilt = build(), set[str]()
    batch = next(parts.batches.epoch(0))
    update = updater(changed(replace(parts, schedule=Halving()), spoilt, "nan"))
    rates = [update([batch]).lr for _ in range(3)]
    assert rates == [0.1, 0.05, 0.025]
    spoilt.add(batch.ids[0])
    assert update([batch]).lr == 0.0125
    spoilt.clear()
    assert update([batch]).lr == 0.0125


@pytest.mark.parametrize(("change", "reason"), [("nan", "loss"), ("infinite gradient", "gradient")])
def test_a_skipped_step_holds_everything_as_if_it_had_never_been(build, change, reason):
    """Weights, moments, schedule, clipper's history and average: the next sound step is bit-equal."""
    config = {"ema": 0.9, "l2": 0.01}
    options = {
        "optimizer": {"name": "adam", "lr": 0.01},
        "clipping": {"name": "norm", "threshold": {"name": "dynamic", "quantile": 0.5, "window": 4, "warmup": 1}},
    }
    ends = []
    for disturbed in (False, True):
        parts = build(**options)
        update = updater(parts, **config)
        for number, batch in enumerate(parts.batches.epoch(0)):
            if disturbed and number in (0, 3):
                changed(parts, {batch.ids[2]}, change)
                report = update([batch])
                assert report.reason == reason
                assert report.clip is None
                as_before(parts)
                assert report.fault is not None
                assert report.fault.culprits == (batch.ids[2],)
            update([batch])
        assert update.average is not None
        ends.append((weights(parts), update.average.weights, parts.clipper.state_dict()["state"], update.steps_taken))
    assert ends[0][3] == ends[1][3] == 8
    for one, other in zip(ends[0][:3], ends[1][:3], strict=True):
        for name, tensor in one.items():
            assert torch.equal(tensor.nan_to_num(), other[name].nan_to_num()), name


CNN = {"name": "cnn", "channels": [4, 4], "dropout": 0.3}
GRU = {"name": "gru", "hidden_size": 8, "num_layers": 2, "dropout": 0.3}


def spoilt(batch: Batch, place: int) -> Batch:
    """The batch with one recording of nothing but NaN."""
    features = batch.features.clone()
    features[place] += torch.nan
    return replace(batch, features=features)


@pytest.mark.parametrize("model", [CNN, GRU], ids=["statistics", "recurrent"])
def test_a_bad_recording_that_is_skipped_leaves_no_trace(build, model):
    """Neither in running statistics, which a forward pass has spoilt by then, nor in generators."""
    parts = build(model=model)
    update = updater(parts, on_nonfinite=NonFiniteConfig(loss="skip"))
    batches = list(parts.batches.epoch(0))
    update([batches[0]])
    before, generator = weights(parts), torch.get_rng_state()
    report = update([batches[1], spoilt(batches[2], 3)])
    assert report.reason == "loss"
    assert report.fault is not None
    assert report.fault.culprits == (batches[2].ids[3],)
    assert not math.isfinite(report.fault.losses[0])
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(parts).items())


@pytest.mark.parametrize("change", ["nan features", "nan", "infinite gradient"])
@pytest.mark.parametrize("model", [CNN, GRU], ids=["statistics", "recurrent"])
def test_dropped_utterances_have_never_been_there(build, model, change):
    """Weights, moments, statistics, average, clipping and generators are bit-equal to those of a step without them."""
    ends, told = [], []
    for disturbed in (False, True):
        parts = build(model=model, optimizer={"name": "adam", "lr": 0.01}, clipping={"name": "dynamic"})
        update = updater(parts, ema=0.9, on_nonfinite=NonFiniteConfig(loss="drop_utterance", gradient="drop_utterance"))
        torch.manual_seed(5)
        first, second, third = list(parts.batches.epoch(0))[:3]
        bad = (first.ids[2], *second.ids[6:])
        window = [first, second]
        if disturbed and change == "nan features":
            window = [spoilt(first, 2), spoilt(spoilt(second, 6), 7)]
        elif disturbed:
            changed(parts, set(bad), change)
        else:
            window = [first.without(bad), second.without(bad)]
        report = update(window)
        assert report.clip is not None
        assert report.reason == ""
        told.append((report.ids, float(report.loss), int(report.counted), float(report.norm)))
        if disturbed:
            assert report.dropped == bad
            assert report.fault is not None
            assert report.fault.kind == ("gradient" if change == "infinite gradient" else "loss")
        update([third])
        assert update.average is not None
        moments = {f"{i} {k}": v for i, s in parts.optimizer.state_dict()["state"].items() for k, v in s.items()}
        state = parts.clipper.state_dict()["state"]
        ends.append((weights(parts), update.average.weights, moments, state, {"": torch.get_rng_state()}))
    assert told[0] == told[1]
    for one, other in zip(*ends, strict=True):
        for name, tensor in one.items():
            assert torch.equal(tensor.nan_to_num(), other[name].nan_to_num()), name


def test_a_step_is_skipped_where_everybody_is_to_be_dropped(build):
    parts = build()
    batch, before = next(parts.batches.epoch(0)), weights(parts)
    update = updater(parts, on_nonfinite=NonFiniteConfig(loss="drop_utterance"))
    report = update([replace(batch, features=batch.features + torch.nan)])
    assert (report.reason, report.dropped, report.clip) == ("loss", (), None)
    assert report.fault is not None
    assert report.fault.culprits == batch.ids
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(parts).items())


def test_losses_whose_mean_is_finite_are_no_fault(build):
    parts = build()
    report = updater(constant(parts, lambda _: 3e38))([next(parts.batches.epoch(0)).select([0, 1])])
    assert report.reason == ""
    assert float(report.loss) == pytest.approx(3e38)


def test_a_step_is_skipped_where_nobody_is_to_blame(build):
    parts = build()
    # Finite losses of one utterance, and infinite ones of two.
    together = constant(parts, lambda batch: 1.0 if len(batch.ids) == 1 else math.inf)
    update = updater(together, on_nonfinite=NonFiniteConfig(loss="drop_utterance"))
    report = update([next(parts.batches.epoch(0)).select([0, 1])])
    assert (report.reason, report.dropped, report.clip) == ("loss", (), None)
    assert report.fault is not None
    assert report.fault.culprits == ()
    assert len(report.fault.suspects) == 2


def test_without_waiting_a_faulty_step_is_taken_and_its_numbers_tell(build):
    parts = build()
    batch = next(parts.batches.epoch(0))
    report = updater(changed(parts, {batch.ids[0]}, "nan"), decides=False)([batch])
    assert report.reason == ""
    assert report.clip is not None
    assert not torch.isfinite(report.loss)


def test_no_number_is_read_from_the_device_when_nothing_is_to_be_decided(build, monkeypatch):
    parts = build(clipping=NO_CLIPPING)
    batch = next(parts.batches.epoch(0))
    update = updater(parts, ema=0.9, l2=0.1, decides=False)
    update([batch])

    def forbidden(*_args: object) -> None:
        raise AssertionError("the host waited for the device")

    monkeypatch.setattr("asrtrain.clipping.parts.looking._FREE", frozenset())  # as on a device
    # The clipper and torch's optimisers are their own business; they look at their own tensors.
    monkeypatch.setattr(parts.optimizer, "step", lambda: None)
    monkeypatch.setattr(parts.clipper, "clip", lambda gradients: None)
    monkeypatch.setattr(type(parts.clipper), "step", lambda self, optimizer, *, measured: None)
    monkeypatch.setattr(
        "asrtrain.training.step.measure", lambda named, shards: type("G", (), {"total": torch.zeros(())})()
    )
    for name in ("item", "tolist", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, forbidden)
    assert isinstance(update([batch]), StepReport)


def test_settings_and_plain_values_of_an_optimizers_state_come_back(build):
    parts, again = build(optimizer={"name": "adam", "lr": 0.1}), build(optimizer={"name": "adam", "lr": 0.1})
    updater(parts)([next(parts.batches.epoch(0))])
    for values in parts.optimizer.state.values():
        values["note"] = 3.5
    restore_optimizer(again.optimizer, again.named, optimizer_state(parts.optimizer, parts.named))
    for before, after in zip(parts.model.parameters(), again.model.parameters(), strict=True):
        one, other = parts.optimizer.state[before], again.optimizer.state[after]
        assert other["note"] == 3.5
        assert torch.equal(one["exp_avg"], other["exp_avg"])
        assert one["exp_avg"].data_ptr() != other["exp_avg"].data_ptr()


def test_moments_lie_in_memory_as_their_weights_do():
    convolution = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    one, other = (torch.optim.Adam(convolution.parameters()) for _ in range(2))
    convolution(torch.ones(1, 3, 5, 5)).sum().backward()
    one.step()
    _, tensors = split(optimizer_state(one, convolution.named_parameters()))
    saved = join(*split(optimizer_state(one, convolution.named_parameters())))
    assert all(tensor.is_contiguous() for tensor in tensors.values())
    restore_optimizer(other, convolution.named_parameters(), saved)
    moment = other.state[convolution.weight]["exp_avg"]
    assert moment.stride() == convolution.weight.stride()
    assert torch.equal(moment, one.state[convolution.weight]["exp_avg"])


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_in_the_same_direction(build, precision):
    full, half = build(), build()
    batch = next(full.batches.epoch(0))
    before = weights(full)
    updater(full)([batch])
    report = updater(half, precision=precision)([batch])
    assert report.reason == ""
    full_step, half_step = (
        torch.cat([(tensor - before[name]).flatten() for name, tensor in weights(parts).items()])
        for parts in (full, half)
    )
    assert torch.nn.functional.cosine_similarity(full_step, half_step, dim=0) > 0.99
    assert float(half_step.norm()) == pytest.approx(float(full_step.norm()), rel=0.05)


def test_a_loss_scale_that_is_too_large_is_no_fault_and_is_lowered(build):
    parts = build()
    batch = next(parts.batches.epoch(0))
    update = updater(parts, precision="fp16")
    before = weights(parts)
    update.loss_scale.load_state_dict({**update.loss_scale.state_dict(), "scale": 2.0**140})
    report = update([batch])
    assert report.reason == "loss scale"
    assert report.loss_scale == 2.0**140
    assert update.loss_scale.value == 2.0**139
    assert update.steps_taken == 0
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(parts).items())


def test_a_loss_that_is_no_number_does_not_lower_the_loss_scale(build):
    """Else one bad recording an epoch would wear it down to nothing."""
    parts = build()
    update = updater(parts, precision="fp16", on_nonfinite=NonFiniteConfig(loss="skip"))
    assert update([spoilt(next(parts.batches.epoch(0)), 0)]).reason == "loss"
    assert update.loss_scale.value == 2.0**16


def test_the_loss_scale_grows_again(build):
    scale = LossScale(enabled=True)
    scale.overflowed()
    for _ in range(2000):
        scale.held()
    assert scale.value == 2.0**16
    scale.load_state_dict({"scale": 1.0, "sound_steps": 0})
    scale.overflowed()
    assert scale.value == 1.0
    assert not scale.can_fall


def test_a_step_that_a_clipping_rule_refuses_is_not_taken(build):
    parts = build(clipping={"name": "skip_spike", "threshold": 1e-9, "patience": 2})
    update, batch, before = updater(parts, ema=0.9), next(parts.batches.epoch(0)), weights(parts)
    reports = [update([batch]) for _ in range(2)]
    assert [report.reason for report in reports] == ["spike", "spike"]
    assert all(report.clip is None for report in reports)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(parts).items())
    assert update.steps_taken == 0
    assert update([batch]).clip is not None
    assert update.steps_taken == 1
