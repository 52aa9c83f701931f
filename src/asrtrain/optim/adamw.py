"""AdamW (Loshchilov and Hutter, 2019): Adam with weight decay kept out of the moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, final

import torch
from pydantic import Strict

from asrtrain.optim.fused import adam_step
from asrtrain.optim.interface import OptimizerConfig
from asrtrain.optim.light import light
from asrtrain.optim.settings import Decay, NonNegative, Positive

_AdamW = light(torch.optim.AdamW, adam_step)


@final
class AdamWConfig(OptimizerConfig):
    """Adam with decoupled weight decay."""

    name: Literal["adamw"] = "adamw"
    lr: Positive = 2e-3
    """The learning rate that the schedule multiplies."""
    betas: Annotated[tuple[Decay, Decay], Strict(False)] = (0.9, 0.999)
    """How much of the running means of the gradient and of its square is kept at each step."""
    eps: Positive = 1e-8
    """Added to the root of the squared mean."""
    weight_decay: NonNegative = 0.01
    """Decoupled: every step takes lr x weight_decay of each weight."""
    amsgrad: bool = False
    """Divide by the largest squared mean so far (Reddi et al., 2018)."""

    def build(self, groups: Sequence[Mapping[str, Any]]) -> torch.optim.Optimizer:
        """Build the optimiser; fused, which is two to three times faster and bit-reproducible."""
        return _AdamW(
            [dict(group) for group in groups],
            lr=self.lr,
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
            amsgrad=self.amsgrad,
            fused=True,
        )
