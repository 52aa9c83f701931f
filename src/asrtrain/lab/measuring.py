"""What one batch tells besides the norms of its sum: utterance by utterance, element by element, unit by unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from asrtrain.clipping import measure
from asrtrain.clipping.measure import tensor_norms, total_norm
from asrtrain.clipping.parts.scopes import split_by
from asrtrain.lab.history import Numbers
from asrtrain.recogniser import Recogniser
from asrtrain.types import Batch

QUANTILES = np.array([0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0])


@dataclass(frozen=True, slots=True)
class BatchMeasurement:
    """utterances: the gradient's norm of every utterance alone, by its id; elements: quantiles (see QUANTILES) of the
    magnitudes of the mean gradient; ratios: those of a unit's gradient norm to that of its weights (see rule agc).
    """

    utterances: dict[str, float]
    elements: Numbers
    ratios: Numbers


def measure_batch(model: Recogniser, batch: Batch, *, floor: float = 1e-3) -> BatchMeasurement:
    """Measure a batch with a model as it is; gradients of the model must be None, and are afterwards.

    An utterance costs a backward pass of its own.
    """
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    losses = model(batch).per_utterance
    norms = {}
    total: list[torch.Tensor] = [torch.zeros_like(p) for _, p in trained]
    for place, name in enumerate(batch.ids):
        found = torch.autograd.grad(losses[place], [p for _, p in trained], retain_graph=True, allow_unused=True)
        present = [gradient for gradient in found if gradient is not None]
        norms[name] = float(total_norm(tensor_norms(present)))
        total = [t if g is None else t + g for t, g in zip(total, found, strict=True)]
    for (_, parameter), gradient in zip(trained, total, strict=True):
        parameter.grad = gradient / len(batch.ids)
    elements = torch.cat([p.grad.abs().flatten() for _, p in trained if p.grad is not None])
    ratios = _unit_ratios(trained, floor)
    model.zero_grad(set_to_none=True)
    return BatchMeasurement(norms, np.quantile(elements.double().numpy(), QUANTILES), np.quantile(ratios, QUANTILES))


def _unit_ratios(trained: list[tuple[str, torch.nn.Parameter]], floor: float) -> Numbers:
    blocks = split_by("unit")(measure(trained))
    ratios = [(block.norm() / block.weight_norm().clamp(min=floor)).flatten() for block in blocks]
    return np.asarray(torch.cat(ratios).double().numpy(), dtype=np.float64)
