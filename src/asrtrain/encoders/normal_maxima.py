"""Batch normalisation of real frames and the maximum over windows of what it gives, in one.

A window's maximum after normalisation is the normalised maximum, as long as no gain is negative: so only maxima are
normalised, a quarter or half of the numbers, and only maxima have gradients to be summed. The gradient of the
statistics, which goes to every number, is a straight line of the number itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from asrtrain.encoders.real_frames import RealFrames

Window = tuple[int, int]
"""Frames, and frequencies."""


def normal_maxima(
    signal: torch.Tensor,
    real: RealFrames,
    real_windows: RealFrames,
    norm: nn.BatchNorm1d,
    pool: Window,
    *,
    by_batch: bool,
) -> torch.Tensor:
    """(B, C, T, F), channels last in memory, to (B, C, ceil(T / pool[0]), ceil(F / pool[1])), zero for padding.

    A window that ends in padding has the maximum of its real frames. The padding of ``signal`` is written over, as
    nobody needs a convolution's own output. ``real`` and ``real_windows`` say which frames are real before and after.
    Gains must not be negative.
    """
    out: torch.Tensor = _NormalMaxima.apply(  # type: ignore[no-untyped-call]
        signal, real, real_windows, norm.weight, norm.bias, norm, by_batch, pool
    )
    return out


class _NormalMaxima(torch.autograd.Function):
    """torch's own kernels, those for evaluation once the statistics are known."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd knows no keywords, and looks for parameters among the arguments alone
        ctx: Any,  # noqa: ANN401 - autograd's own
        signal: torch.Tensor,
        real: RealFrames,
        real_windows: RealFrames,
        weight: torch.Tensor,
        bias: torch.Tensor,
        norm: nn.BatchNorm1d,
        by_batch: bool,
        pool: Window,
    ) -> torch.Tensor:
        mean, variance = norm.running_mean, norm.running_var
        if by_batch:
            rows = real.move_together(_by_frame(signal)).view(-1, signal.shape[1])
            mean, variance = torch.ops.aten.batch_norm_update_stats(rows, mean, variance, norm.momentum)
        # The lowest number never wins the maximum.
        real.fill(_by_frame(signal), torch.finfo(signal.dtype).min)
        maxima, places = torch.ops.aten.max_pool2d_with_indices(signal, pool, pool, (0, 0), (1, 1), True)
        real_windows.fill(_by_frame(maxima), 0.0)
        normal, _, _ = torch.native_batch_norm(maxima, weight, bias, mean, variance, False, 0.0, norm.eps)
        real_windows.fill(_by_frame(normal), 0.0)
        ctx.save_for_backward(signal, maxima, places, weight, mean, variance)
        ctx.real, ctx.real_windows, ctx.pool = real, real_windows, pool
        ctx.by_batch, ctx.eps = by_batch, norm.eps
        return normal

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        signal, maxima, places, weight, mean, variance = ctx.saved_tensors
        own = gradient.clone(memory_format=torch.channels_last)
        ctx.real_windows.fill(_by_frame(own), 0.0)
        own, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            own, maxima, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        of_signal = torch.ops.aten.max_pool2d_with_indices_backward(
            own, signal, ctx.pool, ctx.pool, (0, 0), (1, 1), True, places
        )
        if ctx.by_batch:
            # Of mean and variance: - weight / σ (Σ g + x̂ Σ g x̂) / N for every number x (Ioffe and Szegedy, 2015).
            share = -weight * (variance + ctx.eps).rsqrt() / (ctx.real.count * signal.shape[3])
            line, _, _ = torch.native_batch_norm(
                signal, share * of_weight, share * of_bias, mean, variance, False, 0.0, ctx.eps
            )
            of_signal += line
            ctx.real.fill(_by_frame(of_signal), 0.0)
        return of_signal, None, None, of_weight, of_bias, None, None, None


def _by_frame(signal: torch.Tensor) -> torch.Tensor:
    """(B, C, T, F), channels last in memory, as (B·T, F, C): the same numbers, to be written over."""
    last = signal.movedim(1, -1)
    return last.view(-1, *last.shape[2:])
