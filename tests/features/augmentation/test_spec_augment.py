"""Masks are where the settings say, as wide as they say, and hide statics and deltas of a band together."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from asrtrain.features.augmentation import AugmentationConfig


def masked(lengths: list[int], size: int = 39, bands: int | None = None, seed: int = 0, **options: Any) -> torch.Tensor:
    """True where features were hidden."""
    frames = torch.tensor(lengths)
    features = torch.ones(len(lengths), max(lengths), size) * (torch.arange(max(lengths)) < frames[:, None])[:, :, None]
    augmentation = AugmentationConfig.model_validate({"spec_augment": options}).build(8000, bands=bands)
    assert not augmentation.changes_waveforms
    hidden = augmentation.features(features, frames, torch.Generator().manual_seed(seed))
    return (hidden == 0) & (features == 1)


def test_masks_are_reproducible() -> None:
    assert torch.equal(masked([50, 30]), masked([50, 30]))
    assert not torch.equal(masked([50, 30]), masked([50, 30], seed=1))


@pytest.mark.parametrize("bands", [None, 13])
def test_frequency_masks(bands: int | None) -> None:
    hidden = masked([50] * 300, bands=bands, frequency_masks=1, frequency_width=6, time_masks=0)
    assert (hidden == hidden[:, :1]).all()  # the same in every frame
    block = bands or 39
    assert (hidden.unflatten(2, (-1, block)) == hidden.unflatten(2, (-1, block))[:, :, :1]).all()  # and in every block
    widths = hidden[:, 0, :block].sum(1)
    assert sorted(set(widths.tolist())) == [0, 1, 2, 3, 4, 5, 6]
    edges = hidden[:, 0, :block].int().diff(dim=1, prepend=torch.zeros(300, 1), append=torch.zeros(300, 1))
    assert (edges.abs().sum(1) <= 2).all()  # one stretch each
    assert hidden[:, 0, :block].any(0).all()  # anywhere


def test_time_masks() -> None:
    hidden = masked([100, 20] * 150, frequency_masks=0, time_masks=1, time_width=10, time_share=0.2)
    assert (hidden == hidden[:, :, :1]).all()
    widths = hidden[:, :, 0].sum(1)
    assert set(widths[::2].tolist()) == set(range(11))
    assert set(widths[1::2].tolist()) == set(range(5))  # a fifth of 20 frames
    assert hidden[1::2, :20, 0].any(0).all()


def test_several_masks_hide_more() -> None:
    one, three = (masked([100] * 200, time_masks=n, frequency_masks=n).float().mean() for n in (1, 3))
    assert three > 2 * one
    assert not masked([100] * 10, time_masks=0, frequency_masks=0).any()
