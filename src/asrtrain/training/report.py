"""What one update tells: the numbers of the step, and what was not finite in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from asrtrain.clipping import ClipReport, UpdateReport

FaultKind = Literal["loss", "gradient"]
Reason = Literal["", "loss", "gradient", "loss scale", "nothing counted", "spike"]
"""Why a step was not taken; empty if it was. A half-precision overflow that a smaller loss scale cures is no fault."""


def fault_kind(reason: Reason) -> FaultKind | None:
    """The fault that is the reason; None for any other reason, and for none."""
    match reason:
        case "loss" | "gradient":
            return reason
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Fault:
    """What was not finite in a step, and with whom.

    culprits are the utterances that are faulty alone: none, where only several together are. suspects are the culprits
    or, for want of any, everybody; losses are the suspects'.
    """

    kind: FaultKind
    culprits: tuple[str, ...]
    suspects: tuple[str, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one update did. Tensors stay on the device until somebody asks.

    loss () is the mean over the utterances that count, counted () their number; losses (B,) are those of ``ids``, in
    whichever process. clip is None where the step was not taken, norm () is the norm of the gradient before clipping.
    A step with a fault may have been taken all the same, without the utterances in ``dropped``. update is measured at
    every tenth step that is taken, and at all of them where a clipping rule limits updates.
    """

    ids: tuple[str, ...]
    losses: torch.Tensor
    loss: torch.Tensor
    counted: torch.Tensor
    norm: torch.Tensor
    clip: ClipReport | None
    reason: Reason
    lr: float
    loss_scale: float
    fault: Fault | None = None
    dropped: tuple[str, ...] = ()
    update: UpdateReport | None = None
    planted: tuple[str, ...] = ()
    explanation: str = ""

    def late_fault(self, kind: FaultKind) -> Fault:
        """What can be said of a step that was taken before its numbers were known. Waits for the device.

        Those are suspect whose own loss is not finite; all, if every loss is.
        """
        losses = dict(zip(self.ids, self.losses.tolist(), strict=True))
        suspects = tuple(name for name, loss in losses.items() if not math.isfinite(loss)) or self.ids
        return Fault(kind, (), suspects, tuple(losses[name] for name in suspects))
