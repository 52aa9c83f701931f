"""A sigmoid cross-entropy of labels other than 0 and 1 has no minimum, and no clipping gives it one."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from asrtrain.clipping import build_clipper


def train(label: float, rule: dict, steps: int = 1000) -> tuple[float, float]:
    """The score and the loss after many steps, from a score of 0."""
    score, target = torch.nn.Parameter(torch.zeros(1)), torch.tensor([label])
    optimizer, clip = torch.optim.SGD([score], lr=0.1), build_clipper(rule)
    for _ in range(steps):
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(score, target).backward()
        clip([score])
        optimizer.step()
    return score.item(), binary_cross_entropy_with_logits(score, target).item()


for label in (0.0, 1.0, -1.0, 2.0, 7.0):
    for rule in ({"name": "none"}, {"name": "norm", "threshold": 0.1}):
        score, loss = train(label, rule)
        print(f"label {label:4.0f}  {rule['name']:5} score {score:7.1f}  loss {loss:9.2f}")
