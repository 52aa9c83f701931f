"""Language models of a recogniser: what is chosen in a configuration, and what its checkpoints hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, final

import torch
from pydantic import Field
from torch import nn

from asrtrain.config import Config, FilePath
from asrtrain.language.arpa import read_arpa
from asrtrain.language.bigrams import Bigrams, estimate
from asrtrain.language.grammar import Grammar, Pairs


class LanguageModelConfig(Config, ABC):
    """How probable words are after each other: ``language_model: bigram``."""

    name: str
    weight: Annotated[float, Field(ge=0)] | None = None
    """Factor of the words' logarithmic probabilities in the search; null: tuned on the development part."""

    @abstractmethod
    def bigrams(self, words: Sequence[str], transcripts: Iterable[str]) -> Bigrams:
        """The bigrams of ``words``, where the training data say ``transcripts``. Raises DataError."""


@final
class BigramConfig(LanguageModelConfig):
    """A bigram estimated from the training transcripts, with interpolated Kneser-Ney smoothing."""

    name: Literal["bigram"] = "bigram"

    def bigrams(self, words: Sequence[str], transcripts: Iterable[str]) -> Bigrams:
        """Count and smooth."""
        numbers = {word: number for number, word in enumerate(words)}
        return estimate(([numbers[word] for word in text.split()] for text in transcripts), len(words))


@final
class ArpaConfig(LanguageModelConfig):
    """A bigram from a file, estimated by another program from more text than there is speech."""

    name: Literal["arpa"] = "arpa"
    path: FilePath
    """An ARPA file of order 1 or 2, its words written as ``data.text`` leaves them; needed for training alone."""

    def bigrams(self, words: Sequence[str], transcripts: Iterable[str]) -> Bigrams:
        """Read the file."""
        return read_arpa(self.path, words)


LANGUAGE_MODELS: dict[str, type[LanguageModelConfig]] = {"bigram": BigramConfig, "arpa": ArpaConfig}


@final
class LanguageModel(nn.Module):
    """Bigrams as buffers, so that a checkpoint holds them; their number P is that of the checkpoint last loaded.

    ``unigrams`` and ``backoffs`` (V + 1,), ``pairs`` (P, 2), ``logs`` (P,) as in Bigrams; and the ``weight``.
    """

    unigrams: torch.Tensor
    backoffs: torch.Tensor
    pairs: torch.Tensor
    logs: torch.Tensor
    weight: torch.Tensor

    def __init__(self, words: int, weight: float) -> None:
        super().__init__()
        self.register_buffer("unigrams", torch.zeros(words + 1, dtype=torch.float64))
        self.register_buffer("backoffs", torch.zeros(words + 1, dtype=torch.float64))
        self.register_buffer("pairs", torch.zeros(0, 2, dtype=torch.int64))
        self.register_buffer("logs", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("weight", torch.tensor(weight, dtype=torch.float64))
        self.register_load_state_dict_pre_hook(_make_room)  # type: ignore[no-untyped-call]

    def take(self, bigrams: Bigrams) -> None:
        """Take other bigrams over the same words."""
        device = self.weight.device
        self.unigrams = torch.from_numpy(bigrams.unigrams).to(device)
        self.backoffs = torch.from_numpy(bigrams.backoffs).to(device)
        self.pairs = torch.from_numpy(bigrams.pairs).to(device)
        self.logs = torch.from_numpy(bigrams.logs).to(device)

    def grammar(self, penalty: float) -> Grammar:
        """What may follow what: a history is the word before, the last one the beginning."""
        weight, (before, followers) = float(self.weight), self.pairs.T
        price = torch.full_like(self.unigrams, penalty)
        price[-1] = 0.0
        pairs = Pairs(before, followers, weight * self.logs - price[followers])
        return Grammar.of(weight * self.backoffs, weight * self.unigrams - price, pairs)


def _make_room(language: LanguageModel, weights: dict[str, torch.Tensor], prefix: str, *_: object) -> None:
    """Another training text has another number of pairs."""
    for name in ("pairs", "logs"):
        if f"{prefix}{name}" in weights:
            setattr(language, name, torch.zeros_like(weights[f"{prefix}{name}"], device=language.weight.device))
