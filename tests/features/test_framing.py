"""One formula from samples to frames, attacked with random lengths."""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asrtrain.features.framing import Edges, Framing

EDGES = ("snip", "reflect", "center")
FRAMINGS = st.builds(
    Framing, st.integers(2, 400), st.integers(1, 400), st.sampled_from(EDGES)
).filter(lambda framing: framing.shift <= framing.length)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(framing=FRAMINGS, samples=st.lists(st.integers(1, 1500), min_size=1, max_size=4))
def test_there_are_as_many_frames_as_the_formula_says(framing: Framing, samples: list[int]) -> None:
    lengths = torch.tensor(samples)
    waveforms = torch.zeros(len(samples), max(samples))
    frames = framing.frames(framing.pad(waveforms, lengths))
    assert frames.shape == (len(samples), int(framing.counts(lengths).max()), framing.length)


@settings(deadline=None, max_examples=100)
@given(framing=FRAMINGS, samples=st.integers(1, 1500))
def test_more_samples_are_never_fewer_frames(framing: Framing, samples: int) -> None:
    fewer, more = framing.counts(torch.tensor([samples, samples + framing.shift]))
    assert more - fewer in (0, 1)


def test_snipped_frames_are_the_recording_itself() -> None:
    waveforms = torch.arange(1000.0)[None]
    framing = Framing(200, 80, "snip")
    frames = framing.frames(framing.pad(waveforms, torch.tensor([1000])))[0]
    assert len(frames) == 11
    for t, frame in enumerate(frames):
        torch.testing.assert_close(frame, torch.arange(80.0 * t, 80.0 * t + 200))


def test_a_recording_shorter_than_a_frame_is_one_frame() -> None:
    framing = Framing(200, 80, "snip")
    frames = framing.frames(framing.pad(torch.ones(1, 50), torch.tensor([50])))
    assert frames.shape == (1, 1, 200)
    assert frames.sum() == 50


@pytest.mark.parametrize("samples", [7, 30, 64, 100, 101, 999])
@pytest.mark.parametrize(("length", "shift"), [(200, 80), (41, 17)])
def test_centred_frames_are_those_of_torch(samples: int, length: int, shift: int) -> None:
    waveform = torch.randn(1, samples, generator=torch.Generator().manual_seed(samples))
    framing = Framing(length, shift, "center")
    frames = framing.frames(framing.pad(waveform, torch.tensor([samples])))[0]
    half = length // 2
    mirrored = np.pad(waveform[0].numpy(), (half, half + length), mode="reflect")
    for t, frame in enumerate(frames):
        np.testing.assert_array_equal(frame, mirrored[t * shift : t * shift + length])
    assert len(frames) == 1 + samples // shift


@pytest.mark.parametrize("samples", range(300, 520, 11))
@pytest.mark.parametrize("edges", ["snip", "reflect"])
def test_frame_counts_are_kaldi_s(samples: int, edges: Edges) -> None:
    options = knf.FbankOptions()
    options.frame_opts.samp_freq, options.frame_opts.snip_edges, options.frame_opts.dither = 8000, edges == "snip", 0
    kaldi = knf.OnlineFbank(options)
    kaldi.accept_waveform(8000, [0.0] * samples)
    kaldi.input_finished()
    assert Framing(200, 80, edges).counts(torch.tensor(samples)) == kaldi.num_frames_ready


@pytest.mark.parametrize("edges", EDGES)
def test_padding_does_not_leak_into_frames(edges: Edges) -> None:
    """An utterance's frames are bit by bit the same alone and beside a longer one."""
    framing = Framing(200, 80, edges)
    generator = torch.Generator().manual_seed(0)
    waveforms = torch.randn(2, 2000, generator=generator)
    waveforms[0, 500:] = 0
    together = framing.frames(framing.pad(waveforms, torch.tensor([500, 2000])))
    alone = framing.frames(framing.pad(waveforms[:1, :500], torch.tensor([500])))
    torch.testing.assert_close(together[0, : alone.shape[1]], alone[0], rtol=0, atol=0)
