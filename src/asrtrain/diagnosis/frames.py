"""At which frame it began."""

from __future__ import annotations

import torch
from torch import nn

from asrtrain.diagnosis.blame import Suspicion, log_magnitudes
from asrtrain.diagnosis.facts import Frame
from asrtrain.diagnosis.taps import Flow
from asrtrain.encoders.recurrence import RecurrentLayer


def frame_of(producer: Suspicion, row: int, usual: float, model: nn.Module) -> Frame | None:
    """The frame at which one utterance's numbers got out of hand, if they have frames and not all of them did.

    ``usual`` is the log magnitude that is usual there. In a recurrent layer what goes wrong stays wrong, so it is the
    first frame on the way that the layer, or the gradient through it, goes; elsewhere it is the middle one.
    """
    flow = producer.outcome
    length = int(flow.lengths[row])
    if flow.largest.shape[1] == 1 or length == 0:
        return None
    wrong = wrong_frames(flow.largest[row, :length], usual)
    remembers = isinstance(producer.station.module, nn.RNNBase)
    if not wrong or (len(wrong) == length and not remembers):
        return None
    if not remembers:
        index = wrong[len(wrong) // 2]
    else:
        ascending = (producer.direction == "forward") != reads_backwards(producer.station.module, model)
        index = wrong[0] if ascending else wrong[-1]
    return located(index, length, flow)


def wrong_frames(largest: torch.Tensor, usual: float) -> list[int]:
    """The frames (T,) that are, as logarithms, nearer to the largest than to what is usual; what is lost is largest."""
    levels = log_magnitudes(largest)
    return torch.nonzero(levels >= (levels.max() + usual) / 2).flatten().tolist()


def located(index: int, length: int, flow: Flow) -> Frame:
    """A frame with the feature frames that it stands for."""
    return Frame(index, length, index * flow.factor, (index + 1) * flow.factor - 1)


def reads_backwards(cell: nn.Module | None, model: nn.Module) -> bool:
    """Whether a cell is the half of a layer that reads from the last frame to the first."""
    return any(isinstance(layer, RecurrentLayer) and layer.backwards is cell for layer in model.modules())
