"""Recognition of connected words: the best path through a loop of all words and silence."""

from __future__ import annotations

import math
from typing import final

import torch

from asrtrain.decoding.interface import Decoder
from asrtrain.hmm.viterbi import viterbi
from asrtrain.hmm.word_models import WordModels
from asrtrain.types import Hypothesis, Scores, Seconds, TimedWord


@final
class LoopDecoder(Decoder):
    """Takes the states' scores (B, T, S) to words with their places in time.

    The words' transitions, the insertion penalty and the acoustic scale are read when it is called, so that a
    checkpoint may be loaded, or the penalty tuned, after it was built. A word's confidence is the geometric mean of
    the share that the path's state has among all states' scores, over the word's frames.
    """

    def __init__(self, words: WordModels) -> None:
        self._words = words

    @torch.no_grad()
    def __call__(self, ids: tuple[str, ...], scores: Scores, frame_shift: Seconds) -> list[Hypothesis]:
        """Decode a batch."""
        alone, owners = self._words.loop()
        graph = self._words.batched([alone] * len(ids))
        emissions = scores.logits.double() * self._words.acoustic_scale
        best = viterbi(graph, emissions, scores.lengths)
        states = best.states.clamp(min=0)
        shares = emissions.log_softmax(2).gather(2, graph.emissions.gather(1, states)[:, :, None])[:, :, 0]
        said = torch.tensor(owners, device=states.device)[states]
        begins = best.ways == len(graph.arcs)
        begins[:, 0] = True
        rows = zip(ids, said.tolist(), begins.tolist(), shares.tolist(), scores.lengths.tolist(), strict=True)
        return [
            self._hypothesis(id_, word[:frames], begin[:frames], share[:frames], frame_shift)
            for id_, word, begin, share, frames in rows
        ]

    def _hypothesis(
        self, id_: str, owners: list[int], begins: list[bool], shares: list[float], frame_shift: Seconds
    ) -> Hypothesis:
        starts = [frame for frame, begin in enumerate(begins) if begin]
        words = tuple(
            TimedWord(
                self._words.vocabulary.symbols[owners[start]],
                start * frame_shift,
                end * frame_shift,
                _geometric_mean(shares[start:end]),
            )
            for start, end in zip(starts, [*starts[1:], len(begins)], strict=True)
            if owners[start] >= 0
        )
        return Hypothesis(id_, " ".join(word.text for word in words), _geometric_mean(shares), words)


def _geometric_mean(log_shares: list[float]) -> float:
    return math.exp(sum(log_shares) / len(log_shares)) if log_shares else 0.0
