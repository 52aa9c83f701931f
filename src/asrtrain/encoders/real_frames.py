"""Real frames brought together without padding, normalised there, and laid back.

Where a batch is hardly padded, as batches of similar length are, almost every frame stays where it is: the few behind
the last place that is needed fill the holes that padding leaves before it.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import nn

from asrtrain.encoders.masking import frame_mask


@final
class RealFrames:
    """Where real frames lie among all B·T of a batch: lengths (B,), each padded to ``frames``."""

    def __init__(self, lengths: torch.Tensor, frames: int) -> None:
        real = frame_mask(lengths, frames).flatten()
        self._padding = (~real).nonzero().squeeze(1)
        self.count = len(real) - len(self._padding)
        self._behind = real[self.count :].nonzero().squeeze(1) + self.count
        self._holes = self._padding[: len(self._behind)]

    @property
    def places(self) -> torch.Tensor:
        """Where each of the frames that ``together`` gives lies in the batch, (count,)."""
        places = torch.arange(self.count, device=self._holes.device)
        return places.index_copy_(0, self._holes, self._behind)

    def together(self, frames: torch.Tensor) -> torch.Tensor:
        """(B·T, …) to (count, …): in holes those from behind; contiguous, without padding perhaps the same tensor."""
        if not len(self._padding):
            return frames.contiguous()  # torch's kernels take nothing else, and do not complain
        return frames.index_select(0, self.places)

    def move_together(self, frames: torch.Tensor) -> torch.Tensor:
        """In place: the first ``count`` of the frames (B·T, …), real ones all; padding in between is written over."""
        if len(self._holes):
            frames.index_copy_(0, self._holes, frames.index_select(0, self._behind))
        return frames[: self.count]

    def fill(self, frames: torch.Tensor, padding: float) -> None:
        """In place: ``padding`` for all of (B·T, …) that is not real."""
        if len(self._padding):
            frames.index_fill_(0, self._padding, padding)

    def lay_back(self, frames: torch.Tensor, padding: float) -> torch.Tensor:
        """In place: a tensor (B·T, …) whose first ``count`` frames are as ``together`` gives them."""
        if len(self._holes):
            frames.index_copy_(0, self._behind, frames.index_select(0, self._holes))
        self.fill(frames, padding)
        return frames


def normalised(
    frames: torch.Tensor, real: RealFrames, norm: nn.BatchNorm1d, *, by_batch: bool, padding: float
) -> torch.Tensor:
    """Batch normalisation of the real ones among frames (B·T, …, C); ``padding`` in the place of all others.

    The same as normalising them gathered, with two copies of the batch in place of eight.
    """
    out: torch.Tensor = _Normalised.apply(  # type: ignore[no-untyped-call]
        frames, real, norm.weight, norm.bias, norm, by_batch, padding
    )
    return out


class _Normalised(torch.autograd.Function):
    """torch's own kernels, told to write into the first rows of the tensor that is laid back."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd knows no keywords, and looks for parameters among the arguments alone
        ctx: Any,  # noqa: ANN401 - autograd's own
        frames: torch.Tensor,
        real: RealFrames,
        weight: torch.Tensor,
        bias: torch.Tensor,
        norm: nn.BatchNorm1d,
        by_batch: bool,
        padding: float,
    ) -> torch.Tensor:
        mean, variance = norm.running_mean, norm.running_var
        rows = real.together(frames).reshape(-1, frames.shape[-1])
        laid_back = torch.empty_like(frames, memory_format=torch.contiguous_format)
        found_mean, found_scale = weight.new_empty(0), weight.new_empty(0)
        torch.ops.aten.native_batch_norm.out(
            rows, weight, bias, mean, variance, by_batch, norm.momentum, norm.eps,
            out=laid_back[: real.count].view(rows.shape), save_mean=found_mean, save_invstd=found_scale,
        )  # fmt: skip
        ctx.save_for_backward(rows, weight, mean, variance, found_mean, found_scale)
        ctx.real, ctx.by_batch, ctx.eps = real, by_batch, norm.eps
        return real.lay_back(laid_back, padding)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        rows, weight, mean, variance, found_mean, found_scale = ctx.saved_tensors
        real: RealFrames = ctx.real
        laid_back = torch.empty_like(gradient, memory_format=torch.contiguous_format)
        of_weight, of_bias = torch.empty_like(weight), torch.empty_like(weight)
        torch.ops.aten.native_batch_norm_backward.out(
            real.together(gradient).reshape(rows.shape), rows, weight, mean, variance, found_mean, found_scale,
            ctx.by_batch, ctx.eps, [True, True, True],
            out0=laid_back[: real.count].view(rows.shape), out1=of_weight, out2=of_bias,
        )  # fmt: skip
        return real.lay_back(laid_back, 0.0), None, of_weight, of_bias, None, None, None
