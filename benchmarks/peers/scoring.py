"""How many recordings, or words, were recognised wrongly."""

from __future__ import annotations

from itertools import groupby
from typing import final

import torch
from job import Job
from torch.nn import functional


def loss_of(
    job: Job, scores: torch.Tensor, lengths: torch.Tensor, symbols: torch.Tensor, count: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of (B, 10), or CTC of (B, T, 11)."""
    if not job.strings:
        return functional.cross_entropy(scores.float(), symbols[:, 0])
    return functional.ctc_loss(scores.float().log_softmax(2).transpose(0, 1), symbols, lengths, count)


@final
class Errors:
    """Counts errors over batches, and starts anew when it is asked for the rate."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._wrong = self._all = 0

    def add(self, scores: torch.Tensor, lengths: torch.Tensor, symbols: torch.Tensor, count: torch.Tensor) -> None:
        """Of scores (B, 10) or (B, T, 11)."""
        self.count(scores.argmax(-1), lengths, symbols, count)

    def count(self, best: torch.Tensor, lengths: torch.Tensor, symbols: torch.Tensor, count: torch.Tensor) -> None:
        """Of the symbols with the highest scores, (B,) or (B, T)."""
        if not self._job.strings:
            self._wrong += int((best != symbols[:, 0]).sum())
            self._all += len(best)
            return
        for path, frames, said, words in zip(
            best.tolist(), lengths.tolist(), symbols.tolist(), count.tolist(), strict=True
        ):
            heard = [symbol for symbol, _ in groupby(path[:frames]) if symbol]
            self._wrong += _distance(heard, said[:words])
            self._all += words

    def metric(self) -> float:
        """The accuracy of digits, the word error rate of strings."""
        rate = self._wrong / self._all
        self._wrong = self._all = 0
        return rate if self._job.strings else 1 - rate


def _distance(heard: list[int], said: list[int]) -> int:
    """Levenshtein's."""
    row = list(range(len(said) + 1))
    for i, one in enumerate(heard, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(said, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (one != other))
    return row[-1]
