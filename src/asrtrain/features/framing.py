"""Cutting waveforms into overlapping frames: the one formula from samples to frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import torch
from torch.nn import functional

Edges = Literal["snip", "reflect", "center"]


@final
@dataclass(frozen=True)
class Framing:
    """Frames of ``length`` samples, ``shift`` samples apart; of S samples come

    - ``snip``: 1 + ⌊(S − length) / shift⌋ frames, those that lie inside the recording (Kaldi's ``--snip-edges=true``),
      and one, filled up with zeros, of a recording shorter than a frame;
    - ``reflect``: ⌊(S + shift/2) / shift⌋ frames, the first centred on sample shift/2; beyond its ends the recording is
      mirrored, the last sample repeated (Kaldi's ``--snip-edges=false``);
    - ``center``: 1 + ⌊S / shift⌋ frames, the first centred on sample 0; beyond its ends the recording is mirrored about
      the last sample (torchaudio's and librosa's ``center=True, pad_mode="reflect"``).
    """

    length: int
    shift: int
    edges: Edges

    def counts(self, samples: torch.Tensor) -> torch.Tensor:
        """Frames of so many samples, at least 1 (int64, same shape)."""
        if self.edges == "center":
            return samples // self.shift + 1
        first = self.shift // 2 if self.edges == "reflect" else self.shift - self.length
        return ((samples + first) // self.shift).clamp(min=1)

    @property
    def lead(self) -> int:
        """Samples by which the first frame begins before the recording."""
        return {"snip": 0, "reflect": self.length // 2 - self.shift // 2, "center": self.length // 2}[self.edges]

    def span(self, frames: int) -> int:
        """Samples under so many frames."""
        return (frames - 1) * self.shift + self.length

    def pad(self, waveforms: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Waveforms (B, S), zero beyond each length, to (B, span): the first frame at 0, the edges filled."""
        span = self.span(int(self.counts(lengths).max()))
        missing = max(0, span - self.lead - waveforms.shape[1])
        if self.edges == "snip":
            return (functional.pad(waveforms, (0, missing)) if missing else waveforms)[:, :span]
        padded = waveforms.new_empty(len(waveforms), self.lead + waveforms.shape[1] + missing + self.length)
        padded[:, self.lead : self.lead + waveforms.shape[1]] = waveforms
        padded[:, self.lead + waveforms.shape[1] :] = 0.0
        before = torch.arange(-self.lead, 0).expand(len(lengths), -1)
        after = lengths[:, None] + torch.arange(self.length)
        padded[:, : self.lead] = waveforms.gather(1, self._mirrored(before, lengths))
        padded.scatter_(1, self.lead + after, waveforms.gather(1, self._mirrored(after, lengths)))
        return padded[:, :span]

    def frames(self, padded: torch.Tensor) -> torch.Tensor:
        """What ``pad`` gave, as overlapping frames (B, T, length), without a copy."""
        return padded.unfold(1, self.length, self.shift)

    def _mirrored(self, places: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Places outside recordings to the places inside that they mirror, however short the recordings are."""
        sizes = lengths.clamp(min=1)[:, None]
        repeat = 1 if self.edges == "reflect" else 0  # whether the sample at the edge is its own mirror image too
        period = (2 * (sizes - 1 + repeat)).clamp(min=1)
        place = torch.remainder(places, period)
        return torch.where(place < sizes, place, period - repeat - place)
