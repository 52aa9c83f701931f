"""Word times are those of the recording: exact for every stride, later by what the front end has cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asrtrain.batching import Loader, OrderedSampler
from asrtrain.batching.dataset import load_dataset
from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.encoders import Encoder, Top
from asrtrain.evaluation import recognise
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.features.trimming import TrimConfig
from asrtrain.heads.ctc import CTCConfig
from asrtrain.recogniser import Recogniser
from asrtrain.types import Batch, Hypothesis, Utterance

RATE = 8000
SHIFT = 0.01


WORDS = Vocabulary((BLANK, "one", "two"), "word")


class Peaks(Encoder):
    """Hears word k in hidden frame k, and nothing in the others: a hidden frame has the scores of the words."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self._stride = stride
        self.output_size = len(WORDS)

    @property
    def stride(self) -> int:
        return self._stride

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return -(-lengths // self._stride)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        left = self.output_lengths(lengths)
        values = torch.zeros(len(lengths), int(left.max()), 3)
        values[:, :, 0] = 9.0
        for frame in (0, 1):
            if frame < values.shape[1]:
                values[:, frame] = torch.tensor([0.0, *([9.0, 0.0] if frame == 0 else [0.0, 9.0])])
        return values, left


def heard_by_peaks(stride: int, batch: Batch) -> list[Hypothesis]:
    """What a recogniser makes of a batch whose scores are the encoder's frames."""
    encoder = Peaks(stride)
    head = CTCConfig().build(encoder.output_size, WORDS, Top(), stride=stride)
    head.load_state_dict({"output.linear.weight": torch.eye(3), "output.linear.bias": torch.zeros(3)})
    return list(recognise(Recogniser(encoder, {"ctc": head}, SHIFT), [batch], head.search(), torch.device("cpu")))


def batch_of(*frames: int, starts: tuple[float, ...] = ()) -> Batch:
    names = tuple(str(place) for place in range(len(frames)))
    return Batch(names, torch.zeros(len(frames), max(frames), 4), torch.tensor(frames), starts=starts)


@pytest.mark.parametrize("stride", [1, 4, 8])
@pytest.mark.parametrize("frames", [9, 13, 17, 97])
def test_a_scored_frame_lies_where_its_stride_puts_it_whatever_its_batch_mates(stride: int, frames: int) -> None:
    for batch in (batch_of(frames), batch_of(frames, 200)):
        first = heard_by_peaks(stride, batch)[0]
        places = [(word.text, round(word.start, 6), round(word.end, 6)) for word in first.words]
        one, two = stride * SHIFT, 2 * stride * SHIFT
        assert places == [("one", 0.0, pytest.approx(one)), ("two", pytest.approx(one), pytest.approx(two))]


def test_times_count_from_where_the_batch_says_that_frames_begin() -> None:
    batch = batch_of(20, 30, starts=(0.96, 12.5))
    heard = heard_by_peaks(4, batch)
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
    dataset = load_dataset(parts, lambda text: [0], "label", RATE, tmp_path)
    if cached:
        dataset = dataset.with_features(front_end, {}, tmp_path)
    batches = Loader(dataset, OrderedSampler(dataset.seconds, batch_size=2), front_end, timed=True).epoch(0)
    starts = {name: start for batch in batches for name, start in zip(batch.ids, batch.starts, strict=True)}
    assert starts == {"a": pytest.approx(1.0), "b": pytest.approx(2.3)}
