"""Small networks on spoken digits, for tests that spoil them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tests.recognisers import recogniser

from asrtrain.diagnosis import Network
from asrtrain.features.mfcc import MFCCConfig
from asrtrain.types import Batch, Targets, Utterance

MFCC_SIZE = MFCCConfig(sample_rate=8000).build().feature_size

NETWORKS: dict[str, dict[str, Any]] = {
    "rnn": {"hidden_size": 24, "bidirectional": True},
    "lstm": {"hidden_size": 24, "num_layers": 2, "bidirectional": True},
    "cnn": {"channels": (8, 16), "hidden_size": 32},
    "cnn_rnn": {"channels": (8, 16), "hidden_size": 24},
}
OTHERS: dict[str, dict[str, Any]] = {
    "softmax": {},
    "mlp": {"hidden_sizes": (32, 32)},
    "gru": {"hidden_size": 24},
    "tc_resnet": {"channels": (16, 16, 24), "strides": (2, 1)},
}


def recordings(folder: Path) -> list[Utterance]:
    return [
        Utterance(f"{digit}_{speaker}_{i}", folder / f"{digit}_{speaker}_{i}.wav", str(digit), speaker)
        for digit in range(10)
        for speaker in ("george", "theo")
        for i in range(5, 8)
    ]


def network(name: str, *, seed: int = 3, **changes: Any) -> Network:
    """A fresh network that classifies; all of the same seed are equal."""
    torch.manual_seed(seed)
    settings = {**NETWORKS, **OTHERS}.get(name, {})
    return Network(recogniser(name, MFCC_SIZE, **{**settings, **changes}))


def transcriber(name: str) -> Network:
    """A network for transcripts of digits, by CTC."""
    torch.manual_seed(0)
    return Network(recogniser(name, MFCC_SIZE, 11, head="ctc", **NETWORKS[name]))


def trained(name: str, batches: list[Batch], epochs: int = 8) -> Network:
    """The same after some epochs: losses, norms and weights as in the middle of a training."""
    found = network(name)
    optimizer = torch.optim.Adam(found.model.parameters(), 3e-3)
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad()
            found.losses(batch).per_utterance.mean().backward()
            optimizer.step()
    optimizer.zero_grad()
    return found


def transcribing(batch: Batch) -> Batch:
    """The same recordings with their digit as a transcript of one symbol."""
    classes = batch.targets["label"]
    return replace(batch, targets={"char": Targets(classes.values + 1, classes.lengths)})
