"""Frames are found by what modules and encoders say of themselves, and labels are not taken for frames."""

from __future__ import annotations

import pytest
import torch
from tests.recognisers import recogniser
from torch import nn

from asrtrain.encoders import ENCODERS
from asrtrain.encoders.layout import Layouts

LENGTHS = torch.tensor([100, 37])


def layouts(model: nn.Module) -> Layouts:
    return Layouts(model, LENGTHS, 100)


@pytest.mark.parametrize("name", ENCODERS)
def test_hidden_frames_lie_where_the_stride_puts_them(name: str) -> None:
    model = recogniser(name, 12, head="ctc")
    hidden = torch.zeros(2, -(-100 // model.stride), 5)
    found = layouts(model).of(model.head, hidden)
    assert found is not None
    assert (found.axis, found.factor, found.frames) == (1, model.stride, hidden.shape[1])
    assert found.lengths.tolist() == [-(-100 // model.stride), -(-37 // model.stride)]


def test_every_rate_inside_an_encoder_is_known_and_no_other() -> None:
    model = recogniser("resnet", 12, head="ctc")  # strides 2, 1, 2, 2
    block = model.encoder.get_submodule("blocks.0")
    for frames, factor in ((100, 1), (50, 2), (25, 4), (13, 8)):
        found = layouts(model).of(block, torch.zeros(2, 3, frames, 6))
        assert found is not None
        assert (found.axis, found.factor) == (2, factor)
    assert layouts(model).of(block, torch.zeros(2, 3, 34, 6)) is None


def test_what_lies_inside_of_channels_first_does_so_too() -> None:
    model = recogniser("cnn", 12, head="ctc")
    inside = model.encoder.get_submodule("front.blocks.0.nonlinearity")
    found = layouts(model).of(inside, torch.zeros(2, 100, 50, 6))
    assert found is not None
    assert (found.axis, found.factor) == (2, 2)


def test_labels_are_no_frames() -> None:
    model = recogniser("lstm", 12, head="ctc")
    decoder = model.head.decoder = nn.Linear(3, 3)
    assert layouts(model).of(decoder, torch.zeros(2, 7, 5)) is None
    decoder.axes = "BLC"
    found = layouts(model).of(decoder, torch.zeros(2, 100, 5))
    assert found is not None
    assert found.axis is None
