"""Decoders: from scores to hypotheses."""

from collections.abc import Sequence

from asrtrain.decoding.classes import GreedyClasses
from asrtrain.decoding.ctc_greedy import CTCGreedy
from asrtrain.decoding.interface import Decoder

__all__ = ["CTCGreedy", "Decoder", "GreedyClasses", "build_decoder"]


def build_decoder(symbols: Sequence[str], unit: str) -> Decoder:
    """The best class for the unit ``label``, the best path for ``char`` and ``word`` (where symbol 0 is the blank)."""
    match unit:
        case "label":
            return GreedyClasses(symbols)
        case "char" | "word":
            return CTCGreedy(symbols, unit)
        case _:
            raise ValueError(f"unit: {unit!r} is none of label, char, word")
