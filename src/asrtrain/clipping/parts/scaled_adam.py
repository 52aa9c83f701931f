"""The clipping of icefall's ScaledAdam (Povey, 2022), bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipRule, Gradients, State
from asrtrain.clipping.parts.scaling import scale_tensors

_EARLY = (10, 20, 40)
_SCALAR = 0.1
"""ScaledAdam's ``scalar_lr_scale``, which weighs parameters of one element."""


@final
class ScaledAdamClipping(ClipRule):
    """The norm of the gradients, each weighed by the root mean square of its parameter, against ``scale`` · median.

    In single precision; the first step is neither clipped nor remembered; the threshold is found at steps 10, 20, 40
    (doubled) and every ``period``, from norms that include the step's own; the median of n norms is the one of rank
    2 ⌊n / 4⌋.
    """

    def __init__(self, scale: float, period: int) -> None:
        self._scale, self._period, self._step = scale, period, 0
        self._norms = torch.zeros(period)
        self._threshold = torch.tensor(float("inf"))

    @property
    def turns(self) -> bool:
        return False

    def apply(self, gradients: Gradients) -> Action:
        coefficient = torch.ones((), device=gradients.total.device)
        if self._step > 0:
            norm = _weighed_norm(gradients)
            self._norms = self._norms.to(norm.device)
            self._norms[self._step % self._period] = norm
            self._learn()
            # Not threshold / norm: torch divides a number by a tensor by its reciprocal.
            coefficient = ((norm + 1e-20).reciprocal() * self._threshold).clamp(max=1.0)
        self._step += 1
        return scale_tensors(gradients, coefficient.expand(len(gradients.names)), self._threshold.double())

    def _learn(self) -> None:
        early = self._step in _EARLY and self._step < self._period
        if early or self._step % self._period == 0:
            norms = self._norms.sort().values[-self._step :] if early else self._norms.sort().values
            median = float(norms[min(len(norms) - 1, len(norms) // 4 * 2)])
            self._threshold = torch.tensor(self._scale * median * (2.0 if early else 1.0), device=norms.device)

    def state_dict(self) -> State:
        return {
            "step": torch.tensor(self._step),
            "norms": self._norms.clone(),
            "threshold": self._threshold.clone(),
        }

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._step, self._norms = int(state["step"]), state["norms"].clone()
        self._threshold = state["threshold"].clone()


def _weighed_norm(gradients: Gradients) -> torch.Tensor:
    squares = torch.zeros((), device=gradients.total.device)
    for parameter, gradient in zip(gradients.parameters, gradients.tensors, strict=True):
        if parameter.numel() == 1:
            squares = squares + (gradient**2).sum() * _SCALAR**2
        else:
            squares = squares + ((gradient**2) * (parameter.detach() ** 2).mean()).sum()
    return squares.sqrt()
