"""Adam (Kingma and Ba, 2015)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, final

import torch
from pydantic import Strict

from asrtrain.optim.fused import adam_step
from asrtrain.optim.interface import OptimizerConfig
from asrtrain.optim.light import light
from asrtrain.optim.settings import Decay, NonNegative, Positive

_Adam = light(torch.optim.Adam, adam_step)


@final
class AdamConfig(OptimizerConfig):
    """Adam; a weight decay enters the gradient and so the moments."""

    name: Literal["adam"] = "adam"
    lr: Positive = 1e-3
    """The learning rate that the schedule multiplies."""
    betas: Annotated[tuple[Decay, Decay], Strict(False)] = (0.9, 0.999)
    """How much of the running means of the gradient and of its square is kept at each step."""
    eps: Positive = 1e-8
    """Added to the root of the squared mean."""
    weight_decay: NonNegative = 0.0
    """Coupled (L2): weight_decay x weight is added to the gradient, after clipping."""
    amsgrad: bool = False
    """Divide by the largest squared mean so far (Reddi et al., 2018)."""

    def build(self, groups: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
        """Build the optimiser; fused, which is two to three times faster and bit-reproducible."""
        return _Adam(
            [dict(group) for group in groups],
            lr=self.lr,
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
            amsgrad=self.amsgrad,
            fused=True,
        )
