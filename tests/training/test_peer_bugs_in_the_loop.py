"""What other trainers get wrong around the clipping of a step, on real speech; here the right thing happens.

The map of all such cases stands at the top of tests/clipping/test_known_bugs.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from changed_heads import changed
from spoiling import Spoilt
from test_steps import joined, spoilt, updater, weights
from torch.nn import functional
from training_recipe import CPU, ingredients

from asrtrain.errors import TrainingError
from asrtrain.heads import ctc_feasible
from asrtrain.heads.ctc import CTCConfig
from asrtrain.training import Ingredients, NonFiniteConfig, TrainingConfig, train
from asrtrain.types import Batch, Scores, Targets

LENGTH = 1e-3
SGD = {"name": "sgd", "lr": 1.0, "momentum": 0.0}
ADAM = {"name": "adam", "lr": 0.1}
torch_norm = torch.nn.utils.clip_grad_norm_


@pytest.fixture
def build(fsdd: Path, cache: Path):
    def build(**changes: Any) -> Ingredients:
        model = {"name": "gru", "hidden_size": 8, "dropout": 0.0}
        clipping = {"name": "norm", "threshold": LENGTH}
        options = {"model": model, "optimizer": SGD, "augment": False, "clipping": clipping}
        return ingredients(fsdd, cache, TrainingConfig(batch_size=8), **{**options, **changes})

    return build


def moved(parts: Ingredients, before: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([(before[name] - tensor).double().flatten() for name, tensor in weights(parts).items()])


def backward(parts: Ingredients, batch: Batch, factor: float = 1.0) -> None:
    """Add the gradient of a batch's mean loss to those of the model, as every trainer does."""
    losses = parts.model(batch).per_utterance
    (factor * losses.mean()).backward()


def gradient(parts: Ingredients) -> torch.Tensor:
    return torch.cat([p.grad.double().flatten() for p in parts.model.parameters() if p.grad is not None])


def is_finite(parts: Ingredients) -> bool:
    return bool(gradient(parts).isfinite().all())


def test_accumulated_batches_are_clipped_once_and_together(build):
    """transformers, diffusers, lingua, accelerate: every micro-batch is clipped, [2,0] + [0,2] points elsewhere."""
    whole, parted, theirs = build(), build(), build()
    batches = list(whole.batches.epoch(0))[:3]
    steps = []
    for parts, window in ((whole, [joined(batches)]), (parted, batches)):
        before = weights(parts)
        updater(parts)(window)
        steps.append(moved(parts, before))
    for batch in batches:
        backward(theirs, batch, 1 / 3)
        torch_norm(theirs.model.parameters(), LENGTH)
    assert float(steps[1].norm()) == pytest.approx(LENGTH, rel=1e-3)
    assert float(torch.cosine_similarity(*steps, dim=0)) > 1 - 1e-5
    assert float(torch.cosine_similarity(gradient(theirs), steps[0], dim=0)) < 0.99


def test_gradients_are_unscaled_before_they_are_clipped(build):
    """Nine projects clip the scaled gradient: it seems 65,536 times as long, the update is as many times too short."""
    full, half, theirs = build(), build(), build()
    batch = next(full.batches.epoch(0))
    norms = []
    for parts, precision in ((full, "fp32"), (half, "fp16")):
        before = weights(parts)
        report = updater(parts, precision=precision)([batch])
        norms.append(float(report.norm))
        assert float(moved(parts, before).norm()) == pytest.approx(LENGTH, rel=1e-2)
    assert norms[1] == pytest.approx(norms[0], rel=0.05)
    backward(theirs, batch, 65536.0)
    assert float(torch_norm(theirs.model.parameters(), LENGTH)) == pytest.approx(65536 * norms[0], rel=1e-3)
    assert float(gradient(theirs).norm()) / 65536 == pytest.approx(LENGTH / 65536, rel=1e-3)


def test_the_clip_comes_before_the_step(build):
    """onsets-and-frames clips after the optimiser, nano-world-model before the gradient: nothing is limited."""
    parts, theirs = build(), build()
    batch, before = next(parts.batches.epoch(0)), weights(parts)
    torch_norm(theirs.model.parameters(), LENGTH)
    backward(theirs, batch)
    theirs.optimizer.step()
    torch_norm(theirs.model.parameters(), LENGTH)
    assert float(moved(theirs, before).norm()) > 10 * LENGTH
    updater(parts)([batch])
    assert float(moved(parts, before).norm()) == pytest.approx(LENGTH, rel=1e-3)


def test_an_update_with_coupled_l2_can_keep_to_the_threshold(build):
    """torch: SGD adds its weight decay after the clip, and an update of norm 15 comes of a threshold of 1."""
    parts, theirs = build(clipping={"name": "norm", "threshold": 1.0}), build()
    batch, before = next(parts.batches.epoch(0)), weights(parts)
    matrices = torch.cat([p.flatten() for p in parts.model.parameters() if p.dim() >= 2])
    decay = 15.0 / float(matrices.detach().norm())
    backward(theirs, batch, 1e3)
    torch_norm(theirs.model.parameters(), 1.0)
    torch.optim.SGD([p for p in theirs.model.parameters() if p.dim() >= 2], lr=1.0, weight_decay=decay).step()
    assert float(moved(theirs, before).norm()) == pytest.approx(15.0, abs=1.0)
    updater(parts, l2=decay, penalties="before_clipping")([batch])
    assert float(moved(parts, before).norm()) == pytest.approx(1.0, rel=1e-4)
    assert float(torch.cosine_similarity(moved(parts, before), moved(theirs, before), dim=0)) > 0.9  # L2 is in it


@pytest.mark.parametrize("place", [1, 2])
def test_a_bad_batch_takes_no_sound_ones_with_it(build, place):
    """NeMo looks after every micro-batch, and zeroes what all of them have accumulated."""
    theirs, ours, sound = build(), build(), build()
    batches = list(ours.batches.epoch(0))[:3]
    window = list(batches)
    window[place] = spoilt(batches[place], 3)
    for batch in window:
        backward(theirs, batch, 1 / 3)
        if not is_finite(theirs):
            theirs.optimizer.zero_grad()
    left, last = [p.grad for p in theirs.model.parameters()], build()
    for batch in batches[place + 1 :]:
        backward(last, batch, 1 / 3)
    assert all(g is None or torch.equal(g, p.grad) for g, p in zip(left, last.model.parameters(), strict=True))
    assert all(g is None for g in left) is (place == 2)

    report = updater(ours, on_nonfinite=NonFiniteConfig(loss="drop_utterance"))(window)
    assert report.dropped == (batches[place].ids[3],)
    assert report.counted == sum(len(batch.ids) for batch in batches) - 1
    window[place] = batches[place].without(report.dropped)
    updater(sound)(window)
    assert all(torch.equal(tensor, weights(sound)[name]) for name, tensor in weights(ours).items())


def test_a_bad_gradient_moves_nothing_by_momentum(build):
    """SpeechBrain clips before it looks: other gradients are zero by then, and Adam moves on by what it remembers."""
    ours, theirs = build(optimizer=ADAM), build(optimizer=ADAM)
    first, second = list(ours.batches.epoch(0))[:2]
    update = updater(ours, on_nonfinite=NonFiniteConfig(gradient="skip"))
    update([first])
    backward(theirs, first)
    torch_norm(theirs.model.parameters(), LENGTH)
    theirs.optimizer.step()
    before = {"ours": weights(ours), "theirs": weights(theirs)}

    theirs.optimizer.zero_grad()
    backward(theirs, second)
    next(theirs.model.parameters()).grad.view(-1)[0] = torch.inf
    torch_norm(theirs.model.parameters(), LENGTH)
    for p in theirs.model.parameters():
        p.grad = p.grad if bool(p.grad.isfinite().all()) else None
    assert float(gradient(theirs).abs().max()) == 0
    theirs.optimizer.step()
    assert float(moved(theirs, before["theirs"]).abs().max()) > 0.05

    changed(ours, {second.ids[0]}, "infinite gradient")
    assert update([second]).reason == "gradient"
    assert float(moved(ours, before["ours"]).abs().max()) == 0


def test_a_skipped_step_does_not_move_the_schedule(build):
    """Lightning, WeNet and others: torch's loss scaler skips the step in silence, and the schedule moves on."""

    class Halving:
        def factor(self, step: int) -> float:
            return 0.5**step

    theirs, ours = build(), replace(build(), schedule=Halving())
    batch = next(ours.batches.epoch(0))
    scaler = torch.amp.GradScaler("cpu")
    schedule = torch.optim.lr_scheduler.ExponentialLR(theirs.optimizer, 0.5)
    for spoils in (1.0, torch.inf):
        theirs.optimizer.zero_grad()
        before = weights(theirs)
        backward(theirs, batch, spoils * float(scaler.scale(torch.ones(()))))
        scaler.step(theirs.optimizer)
        scaler.update()
        schedule.step()
    assert float(moved(theirs, before).abs().max()) == 0
    assert set(schedule.get_last_lr()) == {0.25}

    update = updater(ours, on_nonfinite=NonFiniteConfig(loss="skip"))
    update([batch])
    assert update([spoilt(batch, 0)]).reason == "loss"
    assert (update([batch]).lr, update([batch]).lr) == (0.5, 0.25)


def test_when_patience_is_spent_nothing_bad_is_applied(build, tmp_path):
    """optax: ``apply_if_finite`` holds back so many bad updates, and applies the next."""
    import optax

    guard = optax.apply_if_finite(optax.sgd(1.0), max_consecutive_errors=2)
    state = guard.init({"w": np.zeros(1, np.float32)})
    for _ in range(3):
        updates, state = guard.update({"w": np.full(1, np.nan, np.float32)}, state)
    assert bool(np.isnan(np.array(updates["w"])).all())

    config = TrainingConfig(batch_size=8, on_nonfinite=NonFiniteConfig(loss="skip", consecutive=3, per_epoch=1.0))
    parts = build()
    parts = replace(parts, batches=Spoilt(parts.batches, {1, 2, 3}))
    with pytest.raises(TrainingError, match="3 steps in a row"):
        train(parts, config, tmp_path, seed=7, device=CPU, metadata={})
    assert all(bool(tensor.isfinite().all()) for tensor in weights(parts).values())


def transcripts(targets: list[list[int]]) -> Targets:
    return Targets(torch.tensor(targets), torch.tensor([len(target) for target in targets]))


def by_torch(logits: torch.Tensor, frames: torch.Tensor, targets: Targets, reduction: str = "mean") -> torch.Tensor:
    log_probabilities = logits.log_softmax(2).transpose(0, 1)
    return functional.ctc_loss(
        log_probabilities, targets.values, frames, targets.lengths, reduction=reduction, zero_infinity=True
    )


def test_what_ctc_cannot_align_is_not_counted_in_the_mean() -> None:
    """torch: ``zero_infinity`` makes its loss zero, which still counts, and halves the mean."""
    targets, frames = transcripts([[1, 1, 2], [1, 2, 1]]), torch.tensor([3, 3])
    logits = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0))
    alone = float(by_torch(logits[1:], frames[1:], transcripts([[1, 2, 1]])))
    assert float(by_torch(logits, frames, targets)) == pytest.approx(alone / 2)
    found = CTCConfig(normalise="labels").criterion()(Scores(logits, frames), targets)
    assert found.counted.tolist() == [False, True]
    assert float(found.per_utterance.sum() / found.counted.sum()) == pytest.approx(alone)


def test_a_bad_recording_spoils_nobody_elses_ctc_loss() -> None:
    """torch: ``zero_infinity`` leaves NaN alone, and the mean of all is NaN. Here losses stay apart."""
    targets, frames = transcripts([[1], [2]]), torch.tensor([3, 3])
    logits = torch.zeros(2, 3, 3)
    logits[0] = torch.nan
    assert bool(by_torch(logits, frames, targets).isnan())
    found = CTCConfig().criterion()(Scores(logits, frames), targets)
    assert found.per_utterance.isnan().tolist() == [True, False]


@pytest.mark.parametrize(("target", "frames", "fits"), [([1, 2, 1], 3, True), ([1, 1, 2], 3, False), ([1, 1], 3, True)])
def test_a_transcript_may_fill_every_frame(target: list[int], frames: int, fits: bool) -> None:
    """Two threads teach that CTC needs 2 L + 1 frames; it needs one a label, and one between equal neighbours."""
    assert frames < 2 * len(target) + 1
    targets, lengths = transcripts([target]), torch.tensor([frames])
    loss = functional.ctc_loss(
        torch.zeros(frames, 1, 3).log_softmax(2), targets.values, lengths, targets.lengths, reduction="none"
    )
    assert bool(loss.isfinite()) is fits
    assert ctc_feasible(lengths, targets.values, targets.lengths).tolist() == [fits]
