"""Models in operations that exporters know: for evaluation, of any number of utterances and frames.

What makes training fast depends on the numbers in a batch, as where its real frames lie, and no exporter can follow.
In evaluation a normalisation is a straight line for every channel, and masks do the rest.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar, final

import torch
from torch import nn
from torch.nn import functional

from asrtrain.encoders.convolution import FrameNorm
from asrtrain.encoders.masking import frame_mask, subsampled
from asrtrain.encoders.normal_maxima import Window

_Module = TypeVar("_Module", bound=nn.Module)


def plain_copy(model: _Module) -> _Module:
    """A model for evaluation alone.

    Args:
        model: any module; it stays as it is.

    Returns:
        A copy with its own weights, without gradients, in which every ``FrameNorm`` is a ``PlainNorm``.
    """
    copy = deepcopy(model).eval().requires_grad_(False)
    for parent in list(copy.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, FrameNorm):
                setattr(parent, name, PlainNorm(child))
    return copy


@final
class PlainNorm(nn.Module):
    """What a ``FrameNorm`` does in evaluation, with masks: the same shapes, and scores that differ by rounding."""

    def __init__(self, original: FrameNorm) -> None:
        super().__init__()
        self.norm = original.norm
        self.nonlinearity = original.nonlinearity
        self.maxima_first = original.rises()

    def forward(self, signal: torch.Tensor, lengths: torch.Tensor, pool: Window | None = None) -> torch.Tensor:
        """Normalise every frame, and leave zeros beyond each length.

        Args:
            signal: (B, C, T) or (B, C, T, F).
            lengths: (B,) real frames of each utterance.
            pool: frames and frequencies of which the largest is taken; None for no maxima.

        Returns:
            The same shape, or (B, C, ceil(T / pool[0]), ceil(F / pool[1])).
        """
        if pool is None:
            return _filled(self._normal(signal), lengths, 0.0)
        lowest = torch.finfo(signal.dtype).min  # never wins the maximum
        if not self.maxima_first:
            signal = self._normal(signal)
        signal = _whole_windows(_filled(signal, lengths, lowest), pool, lowest)
        signal = functional.max_pool2d(signal, pool)
        lengths = subsampled(lengths, pool[0])
        if self.maxima_first:
            signal = self._normal(_filled(signal, lengths, 0.0))
        return _filled(signal, lengths, 0.0)

    def _normal(self, signal: torch.Tensor) -> torch.Tensor:
        norm = self.norm
        normal = functional.batch_norm(
            signal, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps
        )
        answer: torch.Tensor = self.nonlinearity(normal)
        return answer


def _filled(signal: torch.Tensor, lengths: torch.Tensor, padding: float) -> torch.Tensor:
    """(B, C, T) or (B, C, T, F) with ``padding`` beyond each length."""
    real = frame_mask(lengths, signal.shape[2]).unsqueeze(1)
    return signal.masked_fill(~(real if signal.dim() == 3 else real.unsqueeze(3)), padding)


def _whole_windows(signal: torch.Tensor, pool: Window, padding: float) -> torch.Tensor:
    """(B, C, T, F) with so much ``padding`` at the ends of T and F that windows come out even.

    What max_pool2d would do in its ceil_mode, of which exporters ask whether the windows come out even by themselves.
    """
    # Not -(-size // window): ONNX rounds what is negative towards zero.
    time, frequencies = (
        (size + window - 1) // window * window - size for size, window in zip(signal.shape[2:], pool, strict=True)
    )
    return functional.pad(signal, (0, frequencies, 0, time), value=padding)
