"""Recognition of connected words: the best path through all words and silence, under a grammar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch

from asrtrain.hmm.word_models import WordModels
from asrtrain.hmm.word_search import SILENT, WordPath, search
from asrtrain.search.ctc_greedy import geometric_mean
from asrtrain.search.interface import Search
from asrtrain.types import Frames, Hypothesis, Scores, Seconds, TimedWord


@final
class WordSearch(Search[Scores]):
    """Takes the states' scores (B, T, S) to words with their places in time.

    The words' transitions, their language model, the insertion penalty and the acoustic scale are read when it is
    called, so that a checkpoint may be loaded, or these numbers tuned, after it was built. A word's confidence is the
    geometric mean of the share that the path's state has among all states' scores, over the word's frames.
    """

    def __init__(self, words: WordModels) -> None:
        self._words = words

    @property
    def description(self) -> Mapping[str, str | float]:
        words = self._words
        found: dict[str, str | float] = {"name": "words", "acoustic_scale": float(words.acoustic_scale)}
        found["insertion_penalty"] = float(words.insertion_penalty)
        return found if words.language is None else found | {"language_weight": float(words.language.weight)}

    @torch.no_grad()
    def __call__(self, scores: Scores, frames: Frames, frame_shift: Seconds) -> list[Hypothesis]:
        """Search a batch."""
        words, device = self._words, scores.logits.device
        states = words.states()
        emissions = scores.logits.double() * words.acoustic_scale
        paths = search(states, words.grammar(), words.transitions, emissions, scores.lengths)
        shares, sayable = emissions.log_softmax(2), words.sayable
        found = []
        for id_, path, share in zip(frames.ids, paths, shares, strict=True):
            places = torch.arange(len(path.states), device=device)
            on_path = share[places, states.emissions[torch.from_numpy(path.states).to(device)]]
            said = [None if word == SILENT else sayable[word] for word in states.words[path.states[path.begins]]]
            found.append(_hypothesis(id_, path, said, on_path.tolist(), frames.stride * frame_shift))
        return found


def _hypothesis(
    id_: str, path: WordPath, said: Sequence[str | None], shares: list[float], frame_shift: Seconds
) -> Hypothesis:
    """From a path, what is said in each of its pieces (None is silence), and each frame's share."""
    starts = path.begins.nonzero()[0].tolist()
    words = tuple(
        TimedWord(word, start * frame_shift, end * frame_shift, geometric_mean(shares[start:end]))
        for word, start, end in zip(said, starts, [*starts[1:], len(shares)], strict=True)
        if word is not None
    )
    return Hypothesis(id_, " ".join(word.text for word in words), geometric_mean(shares), words)
