"""Padded recurrence against torch's packed sequences."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from asrtrain.encoders import ENCODERS
from asrtrain.encoders.gru import gru_cell
from asrtrain.encoders.lstm import lstm_cell
from asrtrain.encoders.recurrence import Cell, RecurrentLayer, recurrent_layers, reverse
from asrtrain.encoders.rnn import rnn_cell
from asrtrain.heads.output import Output
from asrtrain.performance.setup import has_bf16
from asrtrain.types import Frames

LENGTHS = torch.tensor([31, 40, 1, 17])
CELLS: dict[str, tuple[Cell, type[nn.RNNBase]]] = {
    "lstm": (lstm_cell, nn.LSTM),
    "gru": (gru_cell, nn.GRU),
    "rnn": (lambda i, h: rnn_cell(i, h, nonlinearity="tanh", recurrent_init_gain=1.0), nn.RNN),
}


def packed(layer: RecurrentLayer, kind: type[nn.RNNBase], frames: torch.Tensor) -> torch.Tensor:
    """The same weights in torch's own bidirectional layer over packed sequences."""
    reference = kind(frames.shape[2], layer.forwards.hidden_size, batch_first=True, bidirectional=True)
    state = dict(layer.forwards.state_dict())
    assert layer.backwards is not None
    state |= {f"{key}_reverse": value for key, value in layer.backwards.state_dict().items()}
    reference.load_state_dict(state)
    output, _ = reference(pack_padded_sequence(frames, LENGTHS, batch_first=True, enforce_sorted=False))
    hidden: torch.Tensor = pad_packed_sequence(output, batch_first=True)[0]
    return hidden


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="the processor has no bf16")
@pytest.mark.parametrize("name", CELLS)
def test_half_precision_rounds_what_autocast_would_and_no_more(name: str) -> None:
    torch.manual_seed(0)
    layer = RecurrentLayer(13, 24, CELLS[name][0], bidirectional=True, projection=None, dropout=0.0)
    assert layer.backwards is not None
    frames = torch.randn(4, 40, 13)
    with torch.autocast("cpu", torch.bfloat16):
        ours = layer(frames, LENGTHS)
        forwards, backwards = layer.forwards(frames)[0], layer.backwards(reverse(frames, LENGTHS))[0]
    expected = torch.cat([forwards, reverse(backwards, LENGTHS)], dim=2)
    assert ours.dtype == expected.dtype
    assert torch.equal(ours, expected)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_every_processor_trains_in_either_half_precision(
    name: str, bidirectional: bool, precision: torch.dtype
) -> None:
    layer = RecurrentLayer(13, 24, CELLS[name][0], bidirectional=bidirectional, projection=None, dropout=0.0)
    with torch.autocast("cpu", precision):
        hidden = layer(torch.randn(4, 40, 13), LENGTHS)
    hidden.float().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in layer.parameters())


@pytest.mark.parametrize("name", CELLS)
def test_bidirectional_layers_match_packed_sequences(name: str) -> None:
    torch.manual_seed(0)
    cell, kind = CELLS[name]
    layer = RecurrentLayer(13, 24, cell, bidirectional=True, projection=None, dropout=0.0)
    frames = torch.randn(4, 40, 13)
    ours, theirs = layer(frames, LENGTHS), packed(layer, kind, frames)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(ours[row, :length], theirs[row, :length], rtol=0, atol=5e-7)


def test_reversal_stays_within_each_length_and_is_its_own_inverse() -> None:
    frames = torch.arange(2 * 4 * 1.0).view(2, 4, 1)
    turned = reverse(frames, torch.tensor([3, 4]))
    assert turned[:, :, 0].tolist() == [[2, 1, 0, 3], [7, 6, 5, 4]]
    assert torch.equal(reverse(turned, torch.tensor([3, 4])), frames)


def test_layers_and_directions_show_in_the_names_of_parameters() -> None:
    config = ENCODERS["lstm"].model_validate({"name": "lstm", "num_layers": 2, "bidirectional": True, "projection": 5})
    names = {key for key, _ in config.build(6, per_frame=True).named_parameters()}
    assert {"layers.1.backwards.weight_hh_l0", "layers.0.projection.weight"} <= names


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_every_option_at_once_still_ignores_padding(name: str) -> None:
    torch.manual_seed(0)
    config = ENCODERS[name].model_validate(
        {"name": name, "num_layers": 3, "bidirectional": True, "projection": 6, "pooling": "last"}
    )
    encoder = config.build(5, per_frame=False).eval()
    output = Output(encoder.output_size, 4, config.top, per_frame=False).eval()
    frames, lengths = torch.randn(1, 20, 5)[:, :10], torch.tensor([10])
    padded = torch.nn.functional.pad(frames, (0, 0, 0, 30))
    ours, theirs = (
        output(Frames(("a",), *encoder(features, lengths), lengths)).logits for features in (frames, padded)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_dropout_lies_between_layers_and_not_after_the_last() -> None:
    layers = recurrent_layers(3, 4, lstm_cell, num_layers=3, bidirectional=False, projection=None, dropout=0.4)
    assert [layer.dropout.p for layer in layers] == [0.4, 0.4, 0.0]


def test_the_recurrent_matrix_starts_orthogonal_times_the_gain() -> None:
    matrix = rnn_cell(8, 16, nonlinearity="relu", recurrent_init_gain=1.5).weight_hh_l0
    assert isinstance(matrix, torch.Tensor)
    torch.testing.assert_close(matrix @ matrix.T, 1.5**2 * torch.eye(16), rtol=0, atol=1e-5)


def test_forget_gates_start_open() -> None:
    cell = lstm_cell(3, 4)
    bias = cell.get_parameter("bias_ih_l0") + cell.get_parameter("bias_hh_l0")
    assert bias[4:8].tolist() == [1.0] * 4
