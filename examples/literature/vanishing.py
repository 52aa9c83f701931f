"""Clipping does nothing about vanishing gradients: it multiplies what is left of all frames by the same number."""

import torch

from asrtrain.clipping import build_clipper

torch.manual_seed(0)
cell = torch.nn.RNNCell(13, 64)
frames = torch.randn(50, 1, 13)


def norms_by_frame(clip) -> list[float]:
    """The norm of the loss's gradient at every input frame, after clipping."""
    inputs = [frame.clone().requires_grad_() for frame in frames]
    hidden = torch.zeros(1, 64)
    for frame in inputs:
        hidden = cell(frame, hidden)
    (100 * hidden.sum()).backward()
    clip(inputs)
    return [frame.grad.norm().item() for frame in inputs]


print("frames from the end          1        10        30        50     1st / 50th")
for rule in ({"name": "none"}, {"name": "norm", "threshold": 1.0}, {"name": "normalize", "threshold": 1000.0}):
    norms = norms_by_frame(build_clipper(rule))
    shown = " ".join(f"{norms[-age]:9.1e}" for age in (1, 10, 30, 50))
    print(f"{rule['name']:20} {shown}  {norms[-1] / norms[0]:9.1e}")
