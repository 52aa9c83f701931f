"""Small recognisers for tests, by the names of their encoder and head."""

from __future__ import annotations

from typing import Any

from asrtrain.data.vocabulary import BLANK, Vocabulary
from asrtrain.encoders import ENCODERS
from asrtrain.heads import HEADS
from asrtrain.recogniser import Recogniser


def recogniser(
    encoder: str, features: int, symbols: int = 10, *, head: str = "cross_entropy", **settings: Any
) -> Recogniser:
    """A recogniser of classes, or of characters where the head transcribes; symbols are "0", "1", …"""
    own = HEADS[head](name=head)
    classifies = own.task == "classification"
    config = ENCODERS[encoder](**{"name": encoder, **settings})
    body = config.build(features, per_frame=not classifies)
    names = [chr(ord("0") + number) for number in range(symbols)]
    tokens = Vocabulary(tuple(names), "label") if classifies else Vocabulary((BLANK, *names[1:]), "char")
    return Recogniser(body, {head: own.build(body.output_size, tokens, config.top, stride=body.stride)}, 0.01)
