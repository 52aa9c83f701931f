"""The front end: waveform → filters → frames → statics → deltas → normalisation → joined frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import final

import torch

from asrtrain.features import dynamics
from asrtrain.features.filtering import BandPass, pre_emphasise
from asrtrain.features.interface import FrontEnd
from asrtrain.features.lengths import clear_beyond, real, zero_beyond
from asrtrain.features.normalisation import Normaliser
from asrtrain.features.spectral_config import SpectralConfig
from asrtrain.features.statics import Statics
from asrtrain.features.trimming import bounds, trim

FULL_SCALE_KALDI = 32768.0
"""Kaldi takes samples as 16-bit integers."""

NOISE_PERIOD = 1 << 16
"""Samples after which the noise of ``dither`` repeats itself."""

PIECE = 1 << 21
"""Samples of a batch worked on at a time, 8 MB: what becomes of them stays near the processor, and utterances are
filled up to the longest of their piece only.
"""


@final
class SpectralFrontEnd(FrontEnd):
    """Any front end that begins with a power spectrum.

    ``statics`` makes ``bands`` features of each frame; the first ``level`` of them share one level: they grow by the
    same amount where a recording is louder.
    """

    def __init__(self, config: SpectralConfig, statics: Statics, bands: int, level: int) -> None:
        self._config = config
        self._statics = statics
        self._framing = config.framing
        blocks = 1 + config.deltas
        self._size = bands * blocks
        self._normaliser = Normaliser(config.normalise, config.variance, self._size, level)
        self.sample_rate = config.sample_rate
        self.bands = bands
        self.feature_size = bands * blocks * (1 + sum(config.context)) * config.stack
        self.frame_shift = self._framing.shift / config.sample_rate * config.stack * config.subsample
        self.needs_fit, self.by_speaker = self._normaliser.needs_fit, self._normaliser.by_speaker
        self.trims = config.trim is not None
        filtered = config.high_pass is not None or config.low_pass is not None
        self._band_pass = BandPass(config.sample_rate, config.high_pass, config.low_pass) if filtered else None
        self._noise = torch.randn(NOISE_PERIOD, generator=torch.Generator().manual_seed(0)) * config.dither

    @torch.no_grad()
    def __call__(
        self,
        waveforms: torch.Tensor,
        lengths: torch.Tensor,
        *,
        warps: torch.Tensor | None = None,
        speakers: Sequence[str] = (),
    ) -> tuple[torch.Tensor, torch.Tensor]:
        features, frames = self._single_frames(waveforms, lengths, warps)
        return self._joined(self._normaliser(features, frames, speakers), frames)

    def frame_counts(self, samples: torch.Tensor) -> torch.Tensor:
        joined = dynamics.ceil_divide(self._framing.counts(samples), self._config.stack)
        return dynamics.ceil_divide(joined, self._config.subsample)

    @torch.no_grad()
    def starts(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        config, found = self._config, torch.zeros(len(lengths), dtype=torch.float64)
        if config.trim is None:
            return found
        size = max(1, PIECE // waveforms.shape[1])
        for first in range(0, len(lengths), size):
            some = slice(first, first + size)
            filtered = self._filtered(waveforms[some], lengths[some])
            threshold = torch.full((len(filtered), 1), config.trim.threshold)
            begin, _ = bounds(filtered, lengths[some], config.sample_rate, threshold, config.trim.margin)
            found[some] = begin / config.sample_rate
        return found

    @torch.no_grad()
    def fit(self, batches: Iterable[tuple[torch.Tensor, torch.Tensor, Sequence[str]]]) -> None:
        self._normaliser.fit((*self._single_frames(x, lengths, None), speakers) for x, lengths, speakers in batches)

    @torch.no_grad()
    def meet(self, batches: Iterable[tuple[torch.Tensor, torch.Tensor, Sequence[str]]]) -> None:
        self._normaliser.meet((*self._single_frames(x, lengths, None), speakers) for x, lengths, speakers in batches)

    def state_dict(self) -> dict[str, torch.Tensor]:
        return self._normaliser.state_dict()

    def measured(self) -> dict[str, torch.Tensor]:
        return self._normaliser.measured()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._normaliser.load_state_dict(state)

    def _single_frames(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, warps: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Statics and deltas (B, T, F), zero beyond each length, before normalisation; and lengths (B,) frames."""
        size = max(1, PIECE // waveforms.shape[1])
        make = self._piece if len(lengths) <= size else partial(self._pieces, size)
        features, frames = make(waveforms[:, : int(lengths.max())], lengths, warps)
        clear_beyond(features, frames)
        return features, frames

    def _pieces(
        self, size: int, waveforms: torch.Tensor, lengths: torch.Tensor, warps: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What ``_piece`` gives, of so many utterances at a time."""
        features = torch.empty(len(lengths), int(self._framing.counts(lengths).max()), self._size)
        frames = torch.empty_like(lengths)
        for first in range(0, len(lengths), size):
            piece = slice(first, first + size)
            longest = int(lengths[piece].max())
            made, frames[piece] = self._piece(
                waveforms[piece, :longest], lengths[piece], None if warps is None else warps[piece]
            )
            features[piece, : made.shape[1]] = made
        return features[:, : int(frames.max())], frames

    def _piece(
        self, waveforms: torch.Tensor, lengths: torch.Tensor, warps: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Statics and deltas (B, T, F), undefined beyond each length, and lengths (B,) frames."""
        waveforms, lengths = self._prepared(waveforms, lengths)
        frames = self._framing.counts(lengths)
        blocks = [self._statics(self._framing.pad(waveforms, lengths), frames, warps)]
        for _ in range(self._config.deltas):
            blocks.append(dynamics.deltas(blocks[-1], frames))
        return torch.cat(blocks, 2) if len(blocks) > 1 else blocks[0], frames

    def _prepared(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Everything that is done to whole waveforms (B, S).

        What comes back is zero beyond each length where something reaches there: filters, and the only frame of a
        recording shorter than it.
        """
        config = self._config
        waveforms = self._filtered(waveforms, lengths)
        if config.trim is not None:
            threshold = torch.full((len(waveforms), 1), config.trim.threshold)
            waveforms, lengths = trim(waveforms, lengths, config.sample_rate, threshold, config.trim.margin)
        if config.compat == "kaldi":
            waveforms = waveforms * FULL_SCALE_KALDI
        elif config.pre_emphasis:
            waveforms = pre_emphasise(waveforms, config.pre_emphasis)
        shorter = int(lengths.min()) < self._framing.length
        return zero_beyond(waveforms, lengths) if shorter else waveforms, lengths

    def _filtered(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """What is done to whole waveforms (B, S) before silence is cut off."""
        config = self._config
        if config.dither:
            waveforms = waveforms + self._noise.repeat(waveforms.shape[1] // NOISE_PERIOD + 1)[: waveforms.shape[1]]
        if self._band_pass is not None or config.trim is not None:
            waveforms = zero_beyond(waveforms, lengths)
        if self._band_pass is not None:
            waveforms = zero_beyond(self._band_pass(waveforms), lengths)
        return waveforms

    def _joined(self, features: torch.Tensor, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Neighbouring frames joined, and the padding made zero again."""
        config = self._config
        if sum(config.context):
            features = dynamics.splice(features, frames, *config.context)
            features = features * real(frames, features.shape[1])[:, :, None]
        if config.stack > 1:
            features, frames = dynamics.stack(features, frames, config.stack)
        if config.subsample > 1:
            features, frames = dynamics.subsample(features, frames, config.subsample)
        return features, frames
