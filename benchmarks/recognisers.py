"""The recognisers that the benchmarks train: an encoder and one head, built as a run builds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.encoders import ENCODERS
from asrtrain.heads import HEADS
from asrtrain.recogniser import Recogniser

FRAME_SHIFT = 0.01


def build_recogniser(
    encoder: Mapping[str, Any], features: int, symbols: int, objective: str = "cross_entropy"
) -> Recogniser:
    """A recogniser of so many classes, or of symbols with the blank, initialised from torch's global generator.

    ``encoder`` and ``objective`` are as in a configuration.
    """
    settings, learnt = ENCODERS[encoder["name"]](**encoder), HEADS[objective]()
    transcribes = learnt.task == "transcription"
    names = tuple(map(str, range(1, symbols)))
    tokens = Vocabulary((BLANK, *names), "word") if transcribes else Vocabulary(("0", *names), "label")
    network = settings.build(features, per_frame=transcribes)
    head = learnt.build(network.output_size, tokens, settings.top, stride=network.stride)
    return Recogniser(network, {learnt.name: head}, FRAME_SHIFT)
