"""Optimisers that compute the loss themselves, as LBFGS does, several times a step."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from asrtrain.clipping import build_clipper
from asrtrain.errors import UsageError

OPTIMIZERS: list[Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]] = [
    lambda p: torch.optim.LBFGS(p, lr=0.5, max_iter=5),
    lambda p: torch.optim.LBFGS(p, lr=1.0, line_search_fn="strong_wolfe"),
    lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    lambda p: torch.optim.Adam(p, lr=0.1),
]


def loss_of(weight: torch.Tensor) -> torch.Tensor:
    return (torch.tensor([10.0, 0.5]) * weight.square()).sum()


@pytest.mark.parametrize("build", OPTIMIZERS)
def test_a_closure_that_clips_takes_the_steps_of_torchs_clipping(
    build: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer],
) -> None:
    ours, theirs = (torch.nn.Parameter(torch.tensor([1.0, 2.0])) for _ in range(2))
    optimizer, reference = build([ours]), build([theirs])
    clip = build_clipper({"name": "norm", "threshold": 3.0, "compat": "torch"})

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(ours)
        loss.backward()
        clip(ours)
        return loss

    def torchs() -> torch.Tensor:
        reference.zero_grad()
        loss = loss_of(theirs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs, 3.0)
        return loss

    for _ in range(3):
        before = ours.detach().clone()
        report = clip.step(optimizer, closure, measured=True)
        reference.step(torchs)
        assert torch.equal(ours, theirs)
        assert report is not None
        assert float(report.norm_before) == pytest.approx(float((ours.detach() - before).norm()), rel=1e-6)


@pytest.mark.parametrize("build", OPTIMIZERS)
def test_an_update_is_limited_from_where_the_step_began(
    build: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer],
) -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer, clip = build([weight]), build_clipper({"name": "max_change", "per_layer": 0.01, "total": 0.01})

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(weight)
        loss.backward()
        clip([("layer.weight", weight)])
        return loss

    for _ in range(3):
        before = weight.detach().clone()
        report = clip.step(optimizer, closure)
        assert report is not None
        assert float(report.norm_after) == pytest.approx(0.01)
        assert float((weight.detach() - before).norm()) == pytest.approx(0.01, rel=1e-4)


def test_a_closure_that_does_not_clip_is_told_of() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer, clip = torch.optim.LBFGS([weight]), build_clipper({"name": "norm", "threshold": 1.0})

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(weight)
        loss.backward()
        return loss

    closure()
    clip(weight)
    with pytest.raises(UsageError, match=r"closure does not clip: call clip\(model\.named_parameters\(\)\)"):
        clip.step(optimizer, closure)
    assert weight.tolist() == [1.0, 2.0]
