"""The gradient inside a recurrence, frame by frame, for one utterance."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn

from asrtrain.clipping.parts.recurrent import gates_of
from asrtrain.diagnosis.facts import RecurrenceFacts

_NEAR_THE_END = 0.05
"""A gate below this or above one minus this is saturated; a tanh beyond one minus twice this."""
_RISES = 1.0
"""A gradient that gets larger by so many orders of magnitude on its way back through time has an onset."""


def recurrence_facts(
    name: str,
    cell: nn.RNNBase,
    entering: torch.Tensor,
    emerging: torch.Tensor,
    arriving: torch.Tensor,
    *,
    leaving: torch.Tensor,
    backwards: bool,
) -> RecurrenceFacts:
    """Run a one-way layer anew, one frame after the other, and follow ∂L/∂h_t back through it.

    entering (T, F), emerging (T, H) and arriving ∂L/∂(output) (T, H) are one utterance's, in the order in which the
    layer reads; ``backwards`` says that this is from the last frame to the first. leaving max |∂L/∂input| (T,) and all
    facts are in the order of time.
    """
    states, gradients = _unrolled(cell, entering, arriving)
    # In float64: states of 1e20 are finite, and so shall be their norms.
    norms, sizes = gradients.double().norm(dim=1).tolist(), states.double().norm(dim=1).tolist()
    growth, onset = _growth(norms)
    rise = _ratio(max(norms, default=0.0), float(arriving.double().norm(dim=1).max()))
    if backwards:
        norms, sizes = norms[::-1], sizes[::-1]
        onset = None if onset is None else len(norms) - 1 - onset
    return RecurrenceFacts(
        name,
        type(cell).__name__,
        backwards,
        tuple(norms),
        tuple(leaving.tolist()),
        tuple(sizes),
        float(entering.double().norm(dim=1).max()),
        growth,
        rise,
        onset,
        _spectral_norms(cell),
        _saturation(cell, entering, states),
        _difference(states, emerging),
    )


@torch.enable_grad()
def _unrolled(cell: nn.RNNBase, entering: torch.Tensor, arriving: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The states h_t (T, H), and the whole gradients ∂L/∂h_t (T, H): by what is given out, and by what comes after."""
    states: list[torch.Tensor] = []
    memory = None
    # So that gradients reach the states although nobody asks for those of the weights.
    inputs = entering.detach().requires_grad_()
    for frame in torch.split(inputs, 1):
        result, memory = cell.forward(frame.unsqueeze(0), memory)
        states.append(result)
        # What is given out is what is remembered: one tensor, so that its gradient is the whole one.
        memory = (result, memory[1]) if isinstance(memory, tuple) else result
    weighed = sum(
        (state.flatten() @ weight for state, weight in zip(states, arriving.to(states[0].dtype), strict=True))
    )
    assert isinstance(weighed, torch.Tensor)
    gradients = torch.autograd.grad(weighed, states)
    return torch.cat(states)[:, 0].detach(), torch.cat(gradients)[:, 0]


def _growth(norms: list[float]) -> tuple[float | None, int | None]:
    """Growth a frame, and the frame of onset, of norms in the order in which the layer read."""
    back = norms[::-1]
    usable = [(t, math.log10(norm)) for t, norm in enumerate(back) if norm > 0 and math.isfinite(norm)]
    growth = 10.0 ** _slope(usable) if len(usable) > 1 else None
    lost = next((t for t, norm in enumerate(back) if not math.isfinite(norm)), None)
    if lost is not None:
        return growth, len(norms) - 1 - lost
    first, peak = (usable[0][1], max(level for _, level in usable)) if usable else (0.0, 0.0)
    if peak - first < _RISES:
        return growth, None
    return growth, len(norms) - 1 - next(t for t, level in usable if level >= (first + peak) / 2)


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest, where not both are lost."""
    both_lost = ~torch.isfinite(ours) & ~torch.isfinite(theirs)
    return float((ours - theirs).abs().where(~both_lost, 0.0).nan_to_num(nan=torch.inf).max())


def _ratio(large: float, small: float) -> float:
    if not math.isfinite(large):
        return math.inf if math.isfinite(small) else 1.0
    return large / small if small > 0 else 1.0


def _slope(points: list[tuple[int, float]]) -> float:
    """Of the straight line nearest to the points."""
    times = torch.tensor([float(t) for t, _ in points], dtype=torch.float64)
    levels = torch.tensor([level for _, level in points], dtype=torch.float64)
    centred = times - times.mean()
    return float((centred * levels).sum() / centred.square().sum())


def _spectral_norms(cell: nn.RNNBase) -> Mapping[str, float]:
    """The largest singular value of each gate's recurrent matrix; NaN where it is no matrix of numbers."""
    matrix = cell.get_parameter("weight_hh_l0").detach().double()
    names = gates_of(dict(cell.named_parameters())) or ("state",)
    blocks = zip(names, matrix.chunk(len(names)), strict=True)
    return {
        name: float(torch.linalg.matrix_norm(block, 2)) if bool(torch.isfinite(block).all()) else math.nan
        for name, block in blocks
    }


def _saturation(cell: nn.RNNBase, entering: torch.Tensor, states: torch.Tensor) -> Mapping[str, float]:
    """The share of gates, over frames and units, near the end of their range; of a vanilla layer's units."""
    names = gates_of(dict(cell.named_parameters()))
    if not names:
        if getattr(cell, "nonlinearity", "tanh") == "relu":
            return {"dead units": _share(states.amax(0) <= 0)}
        return {"units": _share(states.abs() > 1 - 2 * _NEAR_THE_END)}
    before = torch.cat([torch.zeros_like(states[:1]), states[:-1]])
    parameters = {name: parameter.detach() for name, parameter in cell.named_parameters()}
    from_input = nn.functional.linear(entering, parameters["weight_ih_l0"], parameters["bias_ih_l0"])
    from_state = nn.functional.linear(before, parameters["weight_hh_l0"], parameters["bias_hh_l0"])
    gates = {
        name: (i + h).sigmoid()
        for name, i, h in zip(names, from_input.chunk(len(names), 1), from_state.chunk(len(names), 1), strict=True)
        if name not in ("cell", "new")  # those are contents, not gates
    }
    return {
        f"{name} {end}": _share(near)
        for name, gate in gates.items()
        for end, near in (("shut", gate < _NEAR_THE_END), ("open", gate > 1 - _NEAR_THE_END))
    }


def _share(mask: torch.Tensor) -> float:
    return float(mask.double().mean())
