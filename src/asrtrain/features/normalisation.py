"""Mean and variance normalisation of features, over an utterance, a speaker or the training data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, final

import torch

from asrtrain.errors import CheckpointError, TrainingError
from asrtrain.features.lengths import real

Normalise = Literal["none", "utterance_mean", "utterance", "speaker", "global"]

FLOOR = 1e-5
"""Added to every variance, so that a constant feature becomes 0."""

EVERYONE = ""
"""The name under which the statistics of the whole training data are kept."""


@final
class Normaliser:
    """Moves each feature to mean 0, and unless ``utterance_mean`` to variance 1, counting real frames only.

    An utterance whose speaker has no statistics is normalised over itself.
    """

    def __init__(self, mode: Normalise, size: int) -> None:
        self.mode = mode
        self.size = size
        self._statistics: dict[str, torch.Tensor] = {}  # name to (2, F): mean, 1 / standard deviation

    def __call__(self, features: torch.Tensor, lengths: torch.Tensor, speakers: Sequence[str] = ()) -> torch.Tensor:
        """Normalise (B, T, F), zero beyond each length, to the same."""
        if self.mode == "none":
            return features
        mask = real(lengths, features.shape[1])[:, :, None]
        if self.mode in ("utterance", "utterance_mean"):
            return self._by_utterance(features, lengths, mask)
        mean, scale = self._known(features, lengths, mask, speakers)
        return (features - mean) * scale * mask

    def fit(self, batches: Iterable[tuple[torch.Tensor, torch.Tensor, Sequence[str]]]) -> None:
        """Measure from features (B, T, F), lengths (B,) and speakers, each sum in double precision."""
        sums: dict[str, torch.Tensor] = {}  # name to (3, F): frames, sum, sum of squares
        for features, lengths, speakers in batches:
            x = (features * real(lengths, features.shape[1])[:, :, None]).double()
            counts = lengths[:, None].expand(-1, self.size)
            moments = torch.stack([counts.double(), x.sum(1), x.square().sum(1)], 1)  # (B, 3, F)
            names = [EVERYONE] * len(x) if self.mode == "global" else speakers
            for name, moment in zip(names, moments, strict=True):
                if self.mode == "speaker" and not name:
                    continue
                sums[name] = sums[name] + moment if name in sums else moment
        for name, (count, total, squares) in sums.items():
            mean = total / count
            variance = (squares / count - mean.square()).clamp(min=0)
            self._statistics[name] = torch.stack([mean, (variance + FLOOR).rsqrt()]).float()

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Statistics (2, F) by ``normalisation.`` and the speaker's name."""
        return {f"normalisation.{name}": value for name, value in self._statistics.items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take back what ``state_dict`` gave. Raises CheckpointError where the sizes differ."""
        for name, value in state.items():
            if tuple(value.shape) != (2, self.size):
                raise CheckpointError(
                    f"statistics {name!r} of shape {tuple(value.shape)} do not fit {self.size} features"
                )
        self._statistics = {name.removeprefix("normalisation."): value.float() for name, value in state.items()}

    def _by_utterance(self, features: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        count = lengths[:, None, None]
        centred = (features - features.sum(1, keepdim=True) / count).mul_(mask)
        if self.mode == "utterance_mean":
            return centred
        variance = centred.square().sum(1, keepdim=True) / count
        return centred.mul_((variance + FLOOR).rsqrt())

    def _known(
        self, features: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor, speakers: Sequence[str]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and scales (B, 1, F)."""
        if not self._statistics:
            raise TrainingError(f"features.normalise: {self.mode} needs statistics; fit the front end before using it")
        if self.mode == "global":
            mean, scale = self._statistics[EVERYONE]
            return mean, scale
        count = lengths[:, None]
        mean = features.sum(1) / count
        scale = ((((features - mean[:, None]) * mask).square().sum(1) / count) + FLOOR).rsqrt()
        for row, speaker in enumerate(speakers):
            if speaker in self._statistics:
                mean[row], scale[row] = self._statistics[speaker]
        return mean[:, None], scale[:, None]
