"""Word times are those of the recording: exact for every stride, later by what the front end has cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asrtrain.batching import Loader, OrderedSampler
from asrtrain.batching.dataset import load_dataset
from asrtrain.decoding import CTCGreedy
from asrtrain.evaluation import recognise
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.features.trimming import TrimConfig
from asrtrain.models.interface import AcousticModel
from asrtrain.types import Batch, Scores, Utterance

RATE = 8000
SHIFT = 0.01


class Peaks(AcousticModel):
    """Hears word k in scored frame k, and nothing in the others."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self._stride = stride

    @property
    def stride(self) -> int:
        return self._stride

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return -(-lengths // self._stride)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        scored = self.output_lengths(lengths)
        logits = torch.zeros(len(lengths), int(scored.max()), 3)
        logits[:, :, 0] = 9.0
        for frame in (0, 1):
            if frame < logits.shape[1]:
                logits[:, frame] = torch.tensor([0.0, *([9.0, 0.0] if frame == 0 else [0.0, 9.0])])
        return Scores(logits, scored)


def batch_of(*frames: int, starts: tuple[float, ...] = ()) -> Batch:
    lengths = torch.tensor(frames)
    nothing = torch.zeros(len(frames), 0, dtype=torch.int64)
    names = tuple(str(place) for place in range(len(frames)))
    return Batch(names, torch.zeros(len(frames), max(frames), 4), lengths, nothing, lengths * 0, starts=starts)


@pytest.mark.parametrize("stride", [1, 4, 8])
@pytest.mark.parametrize("frames", [9, 13, 17, 97])
def test_a_scored_frame_lies_where_its_stride_puts_it_whatever_its_batch_mates(stride: int, frames: int) -> None:
    decoder = CTCGreedy(("<blank>", "one", "two"), "word")
    for batch in (batch_of(frames), batch_of(frames, 200)):
        first = next(iter(recognise(Peaks(stride), [batch], decoder, SHIFT, torch.device("cpu"))))
        places = [(word.text, round(word.start, 6), round(word.end, 6)) for word in first.words]
        one, two = stride * SHIFT, 2 * stride * SHIFT
        assert places == [("one", 0.0, pytest.approx(one)), ("two", pytest.approx(one), pytest.approx(two))]


def test_times_count_from_where_the_batch_says_that_frames_begin() -> None:
    decoder = CTCGreedy(("<blank>", "one", "two"), "word")
    batch = batch_of(20, 30, starts=(0.96, 12.5))
    heard = recognise(Peaks(4), [batch], decoder, SHIFT, torch.device("cpu"))
    assert [hypothesis.words[1].start for hypothesis in heard] == pytest.approx([1.0, 12.54])
    assert batch.select([1]).starts == (12.5,)


def spoken(before: float, after: float) -> np.ndarray:
    tone = 0.4 * np.sin(2 * np.pi * 500 * np.arange(RATE // 2) / RATE)
    return np.concatenate([np.zeros(round(before * RATE)), tone, np.zeros(round(after * RATE))])


@pytest.mark.parametrize("edges", ["snip", "reflect", "center"])
def test_the_front_end_says_where_its_first_frame_begins(edges: str) -> None:
    settings = {"sample_rate": RATE, "edges": edges, "trim": TrimConfig(threshold=40, margin=0.05)}
    waveforms = torch.zeros(3, 3 * RATE)
    lengths = torch.tensor([2 * RATE, 3 * RATE, RATE // 2])
    for row, (before, after) in enumerate([(1.0, 0.5), (2.0, 0.5), (0.0, 0.0)]):
        waveforms[row, : lengths[row]] = torch.from_numpy(spoken(before, after)).float()
    cutting = MFCCConfig.model_validate(settings).build()
    assert cutting.trims
    assert cutting.starts(waveforms, lengths).tolist() == pytest.approx([0.95, 1.95, 0.0])
    keeping = MFCCConfig.model_validate({**settings, "trim": None}).build()
    assert not keeping.trims
    assert keeping.starts(waveforms, lengths).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("cached", [False, True])
def test_a_part_of_a_recording_lies_where_its_offset_puts_it(cached: bool, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.concatenate([spoken(1.0, 0.5), spoken(0.3, 0.2)]), RATE)
    parts = [Utterance("a", path, "x", duration=2.0), Utterance("b", path, "x", duration=1.0, offset=2.0)]
    front_end = MFCCConfig(sample_rate=RATE, trim=TrimConfig(margin=0.0), normalise="none").build()
    dataset = load_dataset(parts, lambda text: [0], "classification", RATE, tmp_path)
    if cached:
        dataset = dataset.with_features(front_end, {}, tmp_path)
    batches = Loader(dataset, OrderedSampler(dataset.seconds, batch_size=2), front_end, timed=True).epoch(0)
    starts = {name: start for batch in batches for name, start in zip(batch.ids, batch.starts, strict=True)}
    assert starts == {"a": pytest.approx(1.0), "b": pytest.approx(2.3)}
