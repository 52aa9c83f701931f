"""Samples in memory as a recording: a WAV file that no disk holds, read and checked as all others are."""

from __future__ import annotations

import io
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from asrtrain.data.audio import MAX_CHANNELS
from asrtrain.errors import DataError, UsageError
from asrtrain.types import Hertz

Samples = npt.NDArray[Any] | torch.Tensor
"""(S,) or (S, channels): floats between -1 and 1, or integers of 16 or 32 bits, as soundfile reads them."""
_ENCODINGS = {"float32": "FLOAT", "float64": "DOUBLE", "int16": "PCM_16", "int32": "PCM_32"}


def is_samples(item: object) -> TypeGuard[Samples]:
    """Whether this is an array or a tensor."""
    return isinstance(item, np.ndarray | torch.Tensor)


def as_wav(samples: Samples, sample_rate: Hertz | None) -> bytes:
    """Samples as the content of a WAV file. Raises UsageError without a rate, DataError for what is no samples."""
    if sample_rate is None:
        raise UsageError("samples need their rate, in Hz: transcribe(samples, sample_rate=16000)")
    array = np.asarray(samples.detach().cpu() if isinstance(samples, torch.Tensor) else samples)
    encoding = _ENCODINGS.get(array.dtype.name)
    if encoding is None:
        raise DataError(f"samples of {array.dtype.name}: give float32 or float64 between -1 and 1, or int16 or int32")
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] not in range(1, MAX_CHANNELS + 1)):
        raise DataError(f"samples of shape {array.shape}: give (samples,), or (samples, channels) as soundfile does")
    content = io.BytesIO()
    try:
        soundfile.write(content, array, sample_rate, encoding, format="WAV")
    except (soundfile.SoundFileError, TypeError, OverflowError) as error:
        raise UsageError(f"sample_rate: {sample_rate!r} is no rate of samples") from error
    return content.getvalue()
