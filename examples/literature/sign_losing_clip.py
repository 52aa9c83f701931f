"""Clipping written as "if |g| >= c then g = c" turns a large step downhill into one uphill."""

import torch

from asrtrain.clipping import build_clipper

THRESHOLD = 1.0


def as_often_printed(weight: torch.nn.Parameter) -> None:
    weight.grad[weight.grad.abs() >= THRESHOLD] = THRESHOLD


def descend(clip) -> float:
    """Minimise (w - 3)² / 2 from w = 0, where the gradient is -3."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    for _ in range(20):
        optimizer.zero_grad()
        ((weight - 3) ** 2 / 2).sum().backward()
        clip(weight)
        optimizer.step()
    return weight.item()


value = build_clipper({"name": "value", "threshold": THRESHOLD})
print(f"minimum at w = 3; as often printed, 20 steps lead to w = {descend(as_often_printed):.2f}")
print(f"minimum at w = 3; clipping the value,           to w = {descend(lambda weight: value([weight])):.2f}")
