"""Mean and variance normalisation of features, over an utterance, a speaker or the training data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, final

import torch

from asrtrain.errors import CheckpointError, DataError, TrainingError
from asrtrain.features.lengths import clear_beyond

Normalise = Literal["none", "utterance_level", "utterance_half", "utterance_mean", "utterance", "speaker", "global"]
Variance = Literal["kept", "global"]
Batches = Iterable[tuple[torch.Tensor, torch.Tensor, Sequence[str]]]

FLOOR = 1e-5
"""Added to every variance, so that a constant feature becomes 0."""

EVERYONE = ""
"""The name under which the statistics of the whole training data are kept."""

PREFIX = "normalisation."


@final
class Normaliser:
    """Centres features and brings them to one size; only real frames count.

    The first ``level`` features of a frame share one level: ``utterance_level`` takes the mean of all of them off each,
    and ``utterance_half`` takes off the mean of that level and of the feature's own mean.
    An utterance whose speaker has no statistics is normalised over itself. What was measured once stays, so that
    speakers of the training data keep the statistics that the model was trained with; those met in other data are told
    apart, and are forgotten when others are met.
    """

    def __init__(self, mode: Normalise, variance: Variance, size: int, level: int) -> None:
        self._mode = mode
        self._variance = variance
        self._size = size
        self._level = level
        self._statistics: dict[str, torch.Tensor] = {}  # name to (2, F): mean, 1 / standard deviation
        self._met: dict[str, torch.Tensor] = {}  # the same, of speakers of other data

    @property
    def needs_fit(self) -> bool:
        return self._variance == "global" or self._mode in ("speaker", "global")

    def __call__(self, features: torch.Tensor, lengths: torch.Tensor, speakers: Sequence[str] = ()) -> torch.Tensor:
        """Normalise (B, T, F), zero beyond each length, to the same."""
        if self.needs_fit and not self._statistics:
            raise TrainingError("features.normalise asks for statistics of the training data: fit the front end first")
        if self._mode == "global":
            mean, scale = self._statistics[EVERYONE]
            normalised: torch.Tensor = (features - mean).mul_(scale)
            clear_beyond(normalised, lengths)
            return normalised
        centred = self._centred(features, lengths)
        if self._mode == "utterance":
            return centred.mul_(_scale(centred, lengths))
        if self._mode == "speaker":
            normalised = self._by_speaker(features, centred, lengths, speakers)
            clear_beyond(normalised, lengths)
            return normalised
        return centred if self._variance == "kept" else centred * self._statistics[EVERYONE][1]

    @property
    def by_speaker(self) -> bool:
        """Whether it matters who speaks."""
        return self._mode == "speaker"

    def fit(self, batches: Batches) -> None:
        """Measure from features (B, T, F), zero beyond each length, lengths (B,) and speakers.

        What is known already stays as it is. Raises DataError where speakers are wanted and none is named.
        """
        self._statistics = self._measured(batches) | self._statistics
        if not self._statistics:
            raise DataError(
                "features.normalise: speaker, and no training utterance says who speaks: name speakers in the "
                "manifest, or write features.normalise: utterance"
            )

    def meet(self, batches: Batches) -> None:
        """Measure speakers that are not known from other data, in place of those met before."""
        if self.by_speaker:
            found = self._measured(batches)
            self._met = {name: value for name, value in found.items() if name not in self._statistics}

    def _measured(self, batches: Batches) -> dict[str, torch.Tensor]:
        """The statistics of these batches; sums are in double precision."""
        sums: dict[str, torch.Tensor] = {}  # name to (3, F): frames, sum, sum of squares
        for features, lengths, speakers in batches:
            whole = self._mode in ("speaker", "global")
            x = (features if whole else self._centred(features, lengths)).double()
            counts = lengths[:, None].expand(-1, self._size)
            moments = torch.stack([counts.double(), x.sum(1), x.square().sum(1)], 1)  # (B, 3, F)
            names = speakers if self._mode == "speaker" else [EVERYONE] * len(x)
            for name, moment in zip(names, moments, strict=True):
                sums[name] = sums[name] + moment if name in sums else moment
        if self._mode == "speaker":
            sums.pop(EVERYONE, None)  # utterances of nobody known
        found = {}
        for name, (count, total, squares) in sums.items():
            mean = total / count
            variance = (squares / count - mean.square()).clamp(min=0)
            found[name] = torch.stack([mean, (variance + FLOOR).rsqrt()]).float()
        return found

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Statistics (2, F) by ``normalisation.`` and the speaker's name, without those who were only met."""
        return {PREFIX + name: value for name, value in self._statistics.items()}

    def measured(self) -> dict[str, torch.Tensor]:
        """The same, with those who were met."""
        return {PREFIX + name: value for name, value in (self._met | self._statistics).items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take back what ``state_dict`` gave. Raises CheckpointError where the sizes differ."""
        for name, value in state.items():
            if tuple(value.shape) != (2, self._size):
                raise CheckpointError(f"{name!r} of shape {tuple(value.shape)} does not fit {self._size} features")
        self._statistics = {name.removeprefix(PREFIX): value.float() for name, value in state.items()}

    def _centred(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Features less the utterance's mean (or level), zero beyond each length: a new tensor, except in mode none."""
        if self._mode == "none":
            return features
        mean = features.sum(1, keepdim=True) / lengths[:, None, None]
        if self._mode in ("utterance_level", "utterance_half"):
            level = torch.zeros_like(mean)
            level[:, :, : self._level] = mean[:, :, : self._level].mean(2, keepdim=True)
            mean = level if self._mode == "utterance_level" else (mean + level) / 2
        centred = features - mean
        clear_beyond(centred, lengths)
        return centred

    def _by_speaker(
        self, features: torch.Tensor, centred: torch.Tensor, lengths: torch.Tensor, speakers: Sequence[str]
    ) -> torch.Tensor:
        normalised = centred * _scale(centred, lengths)
        for row, speaker in enumerate(speakers):
            known = self._statistics.get(speaker, self._met.get(speaker))
            if known is not None:
                mean, scale = known
                normalised[row] = (features[row] - mean) * scale
        return normalised


def _scale(centred: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """1 / standard deviation of each utterance (B, 1, F)."""
    return (centred.square().sum(1, keepdim=True) / lengths[:, None, None] + FLOOR).rsqrt()
