"""Neighbouring frames are the right ones, and padding is never one of them."""

from __future__ import annotations

import pytest
import torch

from asrtrain.features import dynamics


def ramp() -> tuple[torch.Tensor, torch.Tensor]:
    """Two utterances of 7 and 4 frames whose features are the frame's number; rubbish beyond."""
    features = torch.arange(7.0).repeat(2, 1)[:, :, None].repeat(1, 1, 2)
    features[1, 4:] = 99
    return features, torch.tensor([7, 4])


def test_the_slope_of_a_line_is_its_slope() -> None:
    slope = dynamics.deltas(*ramp())
    torch.testing.assert_close(slope[0, 2:5], torch.ones(3, 2))
    torch.testing.assert_close(slope[1, :4, 0], torch.tensor([0.5, 0.8, 0.8, 0.5]))


def test_splicing_repeats_the_ends() -> None:
    spliced = dynamics.splice(*ramp(), 2, 1)
    assert spliced.shape == (2, 7, 8)
    assert spliced[1, :4, ::2].tolist() == [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 3]]


def test_stacking_joins_and_fills_up_with_zeros() -> None:
    features, lengths = ramp()
    features[1, 4:] = 0
    stacked, counts = dynamics.stack(features, lengths, 3)
    assert counts.tolist() == [3, 2]
    assert stacked[:, :, ::2].tolist() == [[[0, 1, 2], [3, 4, 5], [6, 0, 0]], [[0, 1, 2], [3, 0, 0], [0, 0, 0]]]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 8])
def test_subsampling_keeps_every_so_many_th(step: int) -> None:
    kept, counts = dynamics.subsample(*ramp(), step)
    assert kept[0, :, 0].tolist() == list(range(0, 7, step))
    assert counts.tolist() == [len(range(0, 7, step)), len(range(0, 4, step))]
