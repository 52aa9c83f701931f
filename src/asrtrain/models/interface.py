"""What every acoustic model is: a configuration that builds it, and a module from features to scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import nn

from asrtrain.config import Config
from asrtrain.models.plain import plain_copy
from asrtrain.types import Scores


class AcousticModel(nn.Module, ABC):
    """Features to scores. Padding never changes an utterance's scores."""

    @abstractmethod
    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        """Score a batch: features (B, T, F) and lengths (B,) to logits (B, V), or (B, T', V) with lengths (B,)."""

    @property
    def stride(self) -> int:
        """Feature frames from one scored frame to the next: T' is T divided by it, rounded up."""
        return 1

    @abstractmethod
    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """How many scored frames T' come of ``lengths`` feature frames, by arithmetic alone (int64, same shape)."""

    def exported(self) -> nn.Module:
        """This model for export: a copy for evaluation, tensors in and tensors out, for any batch and time.

        ``torch.export`` wants at least stride + 1 frames where the stride is more than 1: fill shorter batches up with
        zeros, which change no score. It keeps the number of frames that it has seen where a model has recurrent layers;
        ``torch.jit.trace``, and ``torch.onnx.export(..., dynamo=False)`` that rests on it, does not, for any model.

        Example:
            >>> module = model.exported()
            >>> logits, lengths = module(features, lengths)
            >>> batch, time = torch.export.Dim("batch", min=1), torch.export.Dim("time", min=model.stride + 1)
            >>> program = torch.export.export(
            ...     module,
            ...     (features, lengths),
            ...     dynamic_shapes=({0: batch, 1: time}, {0: batch}),
            ...     prefer_deferred_runtime_asserts_over_guards=True,
            ... )

        Returns:
            A module from features (B, T, F) and lengths (B,) to logits (B, V), or (B, T', V), and lengths (B,). Its
            scores differ from this model's by rounding alone, and do not change when this model is trained further.
        """
        return Exported(plain_copy(self))


@final
class Exported(nn.Module):
    """A model's scores as a pair of tensors."""

    def __init__(self, model: AcousticModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Score a batch: features (B, T, F) and lengths (B,) to logits (B, V), or (B, T', V), and lengths (B,)."""
        scores: Scores = self.model(features, lengths)
        return scores.logits, scores.lengths


class ModelConfig(Config, ABC):
    """A model's settings.

    ``per_frame`` asks for (B, T', V) scores (transcription) in place of (B, V) (classification).
    """

    name: str

    @abstractmethod
    def build(self, input_size: int, output_size: int, *, per_frame: bool) -> AcousticModel:
        """Build the model for F = ``input_size`` and V = ``output_size``, initialised from torch's global generator."""
