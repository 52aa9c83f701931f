"""Weights of two versions beside each other, whatever they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch

Weights = Mapping[str, torch.Tensor]


@final
@dataclass(frozen=True)
class Likeness:
    """How alike weights are: all equal to the bit; the largest difference, relative to a tensor's largest element.

    ``renamed`` tensors were found under other names, ``alone`` are those that nothing in the other version has the
    shape of.
    """

    equal: bool
    largest: float
    renamed: int
    alone: tuple[str, ...]

    def __str__(self) -> str:
        said = "equal to the bit" if self.equal else f"differ by {self.largest:.1e}"
        if self.renamed:
            said += f", {self.renamed} renamed"
        return f"{said}, without counterpart: {' '.join(self.alone)}" if self.alone else said


def likeness(old: Weights, new: Weights, names: Mapping[str, str]) -> Likeness:
    """Compare tensors of one name, ``names`` (prefixes) having been replaced; others with the most alike of one shape.

    So tensors that are merely called something else are equal if each has an equal counterpart of its own.
    """
    old = {_renamed(name, names): tensor for name, tensor in old.items()}
    named = [name for name in old if name in new and _alike(old[name], new[name])]
    pairs = [(old[name], new[name]) for name in named]
    left = {name: tensor for name, tensor in new.items() if name not in named}
    alone = []
    for name in old:
        if name in named:
            continue
        fitting = {other: _difference(old[name], left[other]) for other in left if _alike(old[name], left[other])}
        if fitting:
            # Equal ones first: a zero of another sign differs by nothing either.
            nearest = min(fitting, key=lambda other: (not _is_equal(old[name], left[other]), fitting[other]))
            pairs.append((old[name], left.pop(nearest)))
        else:
            alone.append(name)
    alone += left
    return Likeness(
        equal=not alone and all(_is_equal(one, other) for one, other in pairs),
        largest=max((_difference(one, other) for one, other in pairs), default=0.0),
        renamed=len(pairs) - len(named),
        alone=tuple(alone),
    )


def _renamed(name: str, names: Mapping[str, str]) -> str:
    """With the longest prefix that fits replaced."""
    prefix = max((prefix for prefix in names if name.startswith(prefix)), key=len, default=None)
    return name if prefix is None else names[prefix] + name.removeprefix(prefix)


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype


def _is_equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.numpy().tobytes() == other.numpy().tobytes()


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest difference by the largest element; infinite where only one of two is a number."""
    if _is_equal(one, other) or not one.numel():
        return 0.0
    a, b = one.double(), other.double()
    largest = torch.maximum(a.abs().max(), b.abs().max())
    difference = (a - b).abs().max() / largest if largest else largest
    return float(difference.nan_to_num(nan=torch.inf))
