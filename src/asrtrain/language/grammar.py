"""Which word may follow which, and at what price: a loop of all words, or a bigram with back-off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from asrtrain.language.bigrams import NEVER


@final
@dataclass(frozen=True, slots=True)
class Grammar:
    """Weights, logarithms in float32, of going from H histories to V words and to the end, which is number V. Either
    every word is a history, or there is one for all.

    From history h any word w may be entered at ``backoffs[h] + words[w]``; some also at the price of a ``logs[i]``,
    where ``firsts[h] ≤ i < firsts[h + 1]`` and ``followers[i]`` is w: whichever is better. ``gains`` (H,) says how much
    better that can be than ``words`` alone. An utterance begins in the last history.
    """

    backoffs: torch.Tensor
    words: torch.Tensor
    firsts: torch.Tensor
    followers: torch.Tensor
    logs: torch.Tensor
    gains: torch.Tensor

    @classmethod
    def of(cls, backoffs: torch.Tensor, words: torch.Tensor, pairs: Pairs) -> Grammar:
        """From ``backoffs`` (H,), ``words`` (V + 1,) and the pairs seen."""
        histories = len(backoffs)
        counts = torch.bincount(pairs.histories, minlength=histories)
        gains = torch.full_like(backoffs, NEVER)
        gains.scatter_reduce_(0, pairs.histories, pairs.logs - words[pairs.followers], "amax")
        return cls(
            backoffs=backoffs.float(),
            words=words.float(),
            firsts=torch.cat([counts.new_zeros(1), counts.cumsum(0)]),
            followers=pairs.followers,
            logs=pairs.logs.float(),
            gains=gains.float(),
        )

    def enter(self, histories: torch.Tensor) -> torch.Tensor:
        """From the best score of each history (B, H) to that of beginning each word and of ending: (B, V + 1).

        Seen pairs are looked at only where they can be better than backing off, which is exact and spares most of them.
        """
        away = histories + self.backoffs
        hub = away.amax(1, keepdim=True)
        best = hub + self.words
        rows, live = (histories + self.gains > hub).nonzero(as_tuple=True)
        if len(live):
            counts = self.firsts[live + 1] - self.firsts[live]
            offsets = torch.repeat_interleave(self.firsts[live] - counts.cumsum(0) + counts, counts)
            pairs = offsets + torch.arange(len(offsets), device=offsets.device)
            values = torch.repeat_interleave(histories[rows, live], counts) + self.logs[pairs]
            places = torch.repeat_interleave(rows * best.shape[1], counts) + self.followers[pairs]
            best.view(-1).scatter_reduce_(0, places, values, "amax")
        return best

    def history(self, histories: torch.Tensor, word: int) -> int:
        """The history from which a word, or the end, was entered best, given their scores (H,)."""
        away = histories + self.backoffs
        history = int(away.argmax())
        seen = (self.followers == word).nonzero()[:, 0]
        if len(seen):
            sources = torch.searchsorted(self.firsts, seen, right=True) - 1
            values = histories[sources] + self.logs[seen]
            if values.max() > away[history] + self.words[word]:
                return int(sources[values.argmax()])
        return history


@final
@dataclass(frozen=True, slots=True)
class Pairs:
    """Words seen after each other: P histories in ascending order, the words after them, and logarithms."""

    histories: torch.Tensor
    followers: torch.Tensor
    logs: torch.Tensor


def loop_grammar(words: int, penalty: float, device: torch.device) -> Grammar:
    """Any word after any other, ``penalty`` taken off for each."""
    price = torch.full((words + 1,), -penalty, device=device)
    price[-1] = 0.0
    nothing = torch.zeros(0, dtype=torch.int64, device=device)
    return Grammar.of(price.new_zeros(1), price, Pairs(nothing, nothing, price.new_zeros(0)))
