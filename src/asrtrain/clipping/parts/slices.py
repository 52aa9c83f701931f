"""Working through large tensors slice by slice, so that what is computed in between stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from asrtrain.clipping.parts.looking import free_to_look

_SLICE = 16_384
"""Elements; some float64 copies of them fit the second-level cache."""


def slices(*tensors: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """Views of the same elements of tensors of one shape, one slice after the other; whole where that cannot be."""
    if not free_to_look(tensors[0]) or not all(tensor.is_contiguous() for tensor in tensors):
        yield tensors
        return
    yield from zip(*(torch.split(tensor.view(-1), _SLICE) for tensor in tensors), strict=True)
