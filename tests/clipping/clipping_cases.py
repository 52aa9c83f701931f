"""Parameters with gradients, for the tests of clipping."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from asrtrain.clipping import CLIPPERS, Clipper, ClipReport, build_clipper

Named = dict[str, torch.nn.Parameter]

SHAPES = {
    "a.weight": (3, 4),
    "a.bias": (3,),
    "b.weight": (2, 3, 2),
    "b.bias": (1,),
    "rnn.weight_ih_l0": (8, 3),
    "rnn.weight_hh_l0": (8, 2),
    "rnn.bias_ih_l0": (8,),
    "rnn.bias_hh_l0": (8,),
}
RULES: list[dict[str, Any]] = [{"name": name, **e} for name, config in CLIPPERS.items() for e in config.examples]


def label(rule: dict[str, Any]) -> str:
    return "-".join([rule["name"], *(f"{key}={value}" for key, value in rule.items() if key != "name")])


def parameters(
    scale: float = 1.0,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    shapes: dict[str, tuple[int, ...]] | None = None,
) -> Named:
    """Random weights and gradients; the same numbers for every dtype, up to rounding."""
    generator = torch.Generator().manual_seed(seed)
    named = {}
    for name, shape in (shapes or SHAPES).items():
        named[name] = torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype))
        named[name].grad = (scale * torch.randn(shape, generator=generator)).to(dtype)
    return named


def gradients(named: Named) -> list[torch.Tensor]:
    return [p.grad.clone() for p in named.values() if p.grad is not None]


def flat(named: Named) -> torch.Tensor:
    return torch.cat([g.double().flatten() for g in gradients(named)])


def same(left: Named, right: Named) -> bool:
    return all(torch.equal(a, b) for a, b in zip(gradients(left), gradients(right), strict=True))


def norm(named: Named) -> float:
    return float(flat(named).norm())


def attached(rule: object, *, seed: int = 0) -> Clipper:
    """A clipper in a model that is never run: rules that act inside one must leave the gradients of others alone."""
    layers = {"a": torch.nn.Linear(4, 3), "b": torch.nn.Conv1d(3, 2, 2), "rnn": torch.nn.LSTM(3, 2, batch_first=True)}
    clipper = build_clipper(rule, seed=seed)
    clipper.attach(torch.nn.ModuleDict(layers))
    return clipper


def clip(rule: object, named: Named) -> ClipReport:
    return attached(rule)(named.items())


_shape = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@st.composite
def any_shapes(draw: st.DrawFn) -> dict[str, tuple[int, ...]]:
    """One to three tensors of any shape, and perhaps a recurrent layer."""
    names = ("a.weight", "a.bias", "b.weight")[: draw(st.integers(1, 3))]
    recurrent = {name: shape for name, shape in SHAPES.items() if name.startswith("rnn")}
    return {name: draw(_shape) for name in names} | (recurrent if draw(st.booleans()) else {})
