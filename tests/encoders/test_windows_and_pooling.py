"""Time normalisation, splicing and pooling against plain definitions."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from asrtrain.encoders import ENCODERS
from asrtrain.encoders.activations import ACTIVATIONS, activation
from asrtrain.encoders.pooling import POOLINGS, pool, pooled_parts
from asrtrain.encoders.settings import ActivationName, PoolingKind
from asrtrain.encoders.windows import splice, time_normalise
from asrtrain.heads.output import Output
from asrtrain.types import Frames

LENGTHS = torch.tensor([7, 1, 4])
FEATURES = torch.randn(3, 7, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("frames", [1, 2, 5, 24])
def test_time_normalisation_is_linear_interpolation_over_real_frames(frames: int) -> None:
    stretched = time_normalise(FEATURES, LENGTHS, frames)
    for row, length in enumerate(LENGTHS.tolist()):
        places = np.linspace(0, length - 1, frames)
        for column in range(2):
            expected = np.interp(places, np.arange(length), FEATURES[row, :length, column].numpy())
            np.testing.assert_allclose(stretched[row, :, column].numpy(), expected, atol=1e-5)


def test_splicing_repeats_the_first_and_last_real_frame() -> None:
    features = torch.tensor([[[1.0], [2.0], [3.0], [99.0]]])
    spliced = splice(features, torch.tensor([3]), 2)[0, :3]
    assert spliced.tolist() == [[1, 1, 1, 2, 3], [1, 1, 2, 3, 3], [1, 2, 3, 3, 3]]


@pytest.mark.parametrize("kind", POOLINGS)
def test_pooling_sees_real_frames_only(kind: PoolingKind) -> None:
    plain = {"mean": lambda x: x.mean(0), "max": lambda x: x.amax(0), "last": lambda x: x[-1]}
    pooled = pool(kind, FEATURES, LENGTHS)
    assert pooled.shape == (3, 2 * pooled_parts(kind))
    for row, length in enumerate(LENGTHS.tolist()):
        expected = torch.cat([plain[part](FEATURES[row, :length]) for part in kind.split("+")])
        torch.testing.assert_close(pooled[row], expected)


def test_the_tables_hold_what_a_configuration_may_ask_for() -> None:
    assert list(ACTIVATIONS) == list(get_args(ActivationName))
    assert list(POOLINGS) == list(get_args(PoolingKind))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_in_a_network_leaves_padding_out(name: ActivationName) -> None:
    assert activation(name)(torch.tensor([-1.0, 0.0, 1.0])).isfinite().all()
    torch.manual_seed(0)
    features, lengths = FEATURES.repeat(1, 1, 4)[2:], LENGTHS[2:]
    for encoder_name in ("mlp", "cnn", "tc_resnet", "cnn_rnn"):
        config = ENCODERS[encoder_name].model_validate({"name": encoder_name, "activation": name})
        encoder = config.build(8, per_frame=False)
        output = Output(encoder.output_size, 3, config.top, per_frame=False).eval()
        alone, padded = (
            output(Frames(("a",), *encoder.eval()(given, lengths), lengths)).logits
            for given in (features[:, :4], features)
        )
        torch.testing.assert_close(alone, padded, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("softmax", 9_370), ("mlp", 308_234), ("cnn", 149_114), ("rnn", 24_202), ("lstm", 89_098), ("gru", 67_466)],
)
def test_the_defaults_have_the_size_that_was_measured(name: str, parameters: int) -> None:
    config = ENCODERS[name]()
    encoder = config.build(39, per_frame=False)
    output = Output(encoder.output_size, 10, config.top, per_frame=False)
    assert sum(weight.numel() for weight in (*encoder.parameters(), *output.parameters())) == parameters
