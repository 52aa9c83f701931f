"""The settings that all front ends share: everything from the waveform to spectra, and from statics to features."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from asrtrain.features.backends import Analysis
from asrtrain.features.filterbank import Filterbank
from asrtrain.features.framing import Edges, Framing
from asrtrain.features.interface import FrontEndConfig
from asrtrain.features.normalisation import Normalise, Variance
from asrtrain.features.spectrum import Window
from asrtrain.features.trimming import TrimConfig

Backend = Literal["asrtrain", "torchaudio", "librosa"]
Hertz = Annotated[float, Field(gt=0)]
Context = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], Strict(False)]


class SpectralConfig(FrontEndConfig, ABC):
    """Settings of any front end that begins with a power spectrum."""

    sample_rate: Annotated[int, Field(ge=1000, le=384_000)] = 16_000
    """Samples a second (Hz); recordings of another rate are resampled."""
    backend: Backend = "asrtrain"
    """Who computes spectra and cepstra: asrtrain (batched, fast), torchaudio or librosa (an utterance at a time)."""
    compat: Literal["none", "kaldi"] = "none"
    """kaldi: as Kaldi computes them: samples as 16-bit integers, each frame freed of its mean and pre-emphasised by
    itself, symmetric windows, filters straight in mel, energies floored at 1.19e-7. The other keys still count."""

    high_pass: Hertz | None = None
    """Frequencies below this (Hz) are filtered out."""
    low_pass: Hertz | None = None
    """Frequencies above this (Hz) are filtered out."""
    trim: TrimConfig | None = None
    """Cuts silence off both ends."""
    dither: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Standard deviation of white noise added to the samples (full scale is 1; 3e-5 is the last of 16 bits), the same
    noise for every utterance, so that features stay a function of the recording."""
    pre_emphasis: Annotated[float, Field(ge=0, le=1)] = 0.97
    """c in y[n] = x[n] − c·x[n−1]; 0 for none."""

    frame_length: Annotated[float, Field(gt=0)] = 25.0
    """Length of a frame (milliseconds)."""
    frame_shift: Annotated[float, Field(gt=0)] = 10.0
    """From one frame to the next (milliseconds)."""
    edges: Edges = "snip"
    """Which frames there are. snip: those inside the recording (Kaldi's snip_edges); reflect: centred on every half
    shift, the ends mirrored (snip_edges=false); center: centred on every shift from 0 (torchaudio, librosa)."""
    window: Window = "hamming"
    """hamming, hann, or povey (Kaldi's default)."""
    n_fft: Annotated[int, Field(ge=2)] | None = None
    """Size of the Fourier transform, even; null: the next power of two from the frame length."""

    deltas: Annotated[int, Field(ge=0, le=2)] = 0
    """1 adds the slope of each feature over five frames, 2 adds the slope of the slope too."""
    context: Context = (0, 0)
    """[left, right]: so many neighbouring frames are joined to each."""
    stack: Annotated[int, Field(ge=1)] = 1
    """So many frames are joined to one, and there are so many times fewer (3 suits CTC)."""
    subsample: Annotated[int, Field(ge=1)] = 1
    """Only every so-many-th frame is kept."""
    normalise: Normalise = "utterance"
    """What is taken off features: none; utterance_level, only how loud the utterance is (one number, which spares what
    tells short words apart); utterance_mean, each feature's mean; utterance_half, the mean of these two; utterance,
    speaker, global: mean and variance over the utterance, all of the speaker's, all of the training data."""
    variance: Variance = "kept"
    """global: after none, utterance_level, _half or _mean each feature is divided by its standard deviation over the
    training data."""

    @property
    def framing(self) -> Framing:
        length, shift = (round(self.sample_rate * ms / 1000) for ms in (self.frame_length, self.frame_shift))
        return Framing(length, shift, self.edges)

    @property
    def fft_size(self) -> int:
        return self.n_fft or 1 << (self.framing.length - 1).bit_length()

    def analysis(self, filterbank: Filterbank | None) -> Analysis:
        """What a back end has to know."""
        kaldi = self.compat == "kaldi"
        return Analysis(
            self.sample_rate, self.framing, self.window, self.fft_size, filterbank, kaldi, self.pre_emphasis
        )

    @model_validator(mode="after")
    def _frames_are_possible(self) -> Self:
        length, shift = self.framing.length, self.framing.shift
        if length < 2 or shift < 1:
            raise ValueError("frame_length and frame_shift are in milliseconds; these are shorter than a sample")
        if shift > length:
            raise ValueError("frame_shift is longer than frame_length: speech would be skipped")
        if self.n_fft is not None and (self.n_fft % 2 or self.n_fft < length):
            raise ValueError(f"n_fft must be even and no less than the {length} samples of a frame; leave it out")
        return self

    @model_validator(mode="after")
    def _filters_are_possible(self) -> Self:
        low, high, nyquist = self.high_pass, self.low_pass, self.sample_rate / 2
        for key, frequency in (("high_pass", low), ("low_pass", high)):
            if frequency is not None and frequency >= nyquist:
                raise ValueError(f"{key} must lie below half the sample rate, {nyquist:g} Hz")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"high_pass ({low:g} Hz) must lie below low_pass ({high:g} Hz): nothing would pass")
        return self

    @model_validator(mode="after")
    def _variance_is_normalised_once(self) -> Self:
        if self.variance == "global" and self.normalise in ("utterance", "speaker", "global"):
            raise ValueError(f"normalise: {self.normalise} sets the variance already; leave variance: global out")
        return self

    @model_validator(mode="after")
    def _backend_can(self) -> Self:
        if self.backend != "asrtrain" and (self.compat != "none" or self.window == "povey"):
            raise ValueError(f"backend {self.backend} knows neither compat: kaldi nor window: povey; use asrtrain's")
        return self
