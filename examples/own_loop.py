"""Gradient clipping of asrtrain in a training loop of your own: PyTorch and ``asrtrain.clipping``, nothing else."""

import torch

from asrtrain.clipping import build_clipper

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Conv1d(13, 32, 5), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(1152, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
clip = build_clipper({"name": "norm", "threshold": {"name": "ema", "factor": 1.0, "ceiling": 0.5}})

features, digits = torch.randn(64, 13, 40), torch.randint(10, (64,))
for step in range(1, 26):
    loss = torch.nn.functional.cross_entropy(model(features), digits)
    optimizer.zero_grad()
    loss.backward()
    report = clip(model.named_parameters())
    optimizer.step()
    if step % 5 == 0:
        print(f"step {step:2}: loss {loss:.3f}, gradient norm {report.norm_before:.2f} -> {report.norm_after:.2f}")

saved = clip.state_dict()  # what it learned of the norms: keep it with the weights, and clip.load_state_dict(saved)
