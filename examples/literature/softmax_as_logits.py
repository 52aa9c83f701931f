"""Softmax outputs passed where logits are expected: the loss cannot fall below a floor, and mistakes hardly count."""

import torch
from torch.nn.functional import cross_entropy, softmax

digit = torch.tensor([0])
print("score of the right one of ten classes -> loss and size of its gradient")
print("score     from logits      from softmax outputs")
for score in (-10.0, 0.0, 10.0, 100.0):
    line = f"{score:5.0f}"
    for transform in (lambda scores: scores, lambda scores: softmax(scores, dim=1)):
        scores = torch.zeros(1, 10)
        scores[0, 0] = score
        scores.requires_grad_()
        loss = cross_entropy(transform(scores), digit)
        loss.backward()
        line += f"   {loss.item():6.3f} {scores.grad[0, 0].abs().item():8.5f}"
    print(line)
