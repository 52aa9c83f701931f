"""The linear layer for frames in any order: torch's numbers, without copies."""

from __future__ import annotations

import torch
from torch import nn

from asrtrain.encoders.interface import Top
from asrtrain.encoders.linear import Linear
from asrtrain.heads.output import Output


def twins() -> tuple[Linear, nn.Linear]:
    torch.manual_seed(0)
    ours = Linear(6, 4)
    theirs = nn.Linear(6, 4)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def test_frames_that_lie_frame_by_frame_give_the_same_numbers_and_gradients() -> None:
    ours, theirs = twins()
    base = torch.randn(7, 3, 6)
    results = []
    for layer, frames in (
        (ours, base.clone().requires_grad_()),
        (theirs, base.transpose(0, 1).contiguous().requires_grad_()),
    ):
        scores = layer(frames.transpose(0, 1)) if layer is ours else layer(frames)
        (scores * torch.arange(4.0)).sum().backward()
        assert frames.grad is not None
        gradient = frames.grad.transpose(0, 1) if layer is ours else frames.grad
        results.append((scores, gradient, layer.weight.grad, layer.bias.grad))
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other)
    assert results[0][0].transpose(0, 1).is_contiguous()  # as the frames do


def test_any_other_input_is_torchs() -> None:
    ours, theirs = twins()
    for inputs in (torch.randn(6), torch.randn(5, 6), torch.randn(3, 7, 6), torch.randn(6, 7, 3).transpose(0, 2)):
        assert torch.equal(ours(inputs), theirs(inputs))


def test_only_scores_of_frames_begin_further_apart() -> None:
    torch.manual_seed(0)
    top = Top(pooling="mean", glorot=True)
    frames, pooled = (Output(256, 11, top, per_frame=per_frame) for per_frame in (True, False))
    glorot = 5 / 3 * (2 / (256 + 11)) ** 0.5  # standard deviation: Glorot and Bengio (2010), gain for tanh
    assert abs(frames.linear.weight.std().item() - glorot) < 0.05 * glorot
    assert not frames.linear.bias.any()
    assert abs(pooled.linear.weight.std().item() - (1 / (3 * 256)) ** 0.5) < 0.05 * glorot  # torch's own
