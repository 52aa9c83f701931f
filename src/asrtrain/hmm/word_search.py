"""Viterbi's search through all words at once, under a grammar: exact, without pruning.

All words lie side by side in one row of states, each next to the state that comes before it, so that a frame is a
handful of operations on (B, N), few of which need an index. Only at their ends words meet the grammar: from there on
all that counts of the past is the history. Silence does not change it: every history has its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
import torch

from asrtrain.hmm.composition import Link
from asrtrain.hmm.graph import IMPOSSIBLE, NEXT, POSSIBLE, SKIP, STAY
from asrtrain.language.grammar import Grammar

SILENT = -1
"""The word of a state of silence."""

_TRACED = 1 << 28  # bytes that say how states were entered, for the utterances searched together
_EVERY = 16  # frames


@final
@dataclass(frozen=True, slots=True)
class WordStates:
    """The N states of V words, one after the other, and of K silences for each of H histories.

    ``emissions`` (N,); ``first`` and ``skips`` (N,) say which states begin a chain, and which may be entered from the
    last but one. ``firsts`` (V + H·K,) are the words' first states and the silences'; ``ends`` (M, H) are the states
    that lead to each history. ``words`` (N,) says which word a state is of.
    """

    emissions: torch.Tensor
    first: torch.Tensor
    skips: torch.Tensor
    firsts: torch.Tensor
    ends: torch.Tensor
    words: npt.NDArray[np.int64]

    @classmethod
    def of(cls, words: Sequence[Link], silences: Sequence[Link], *, by_word: bool) -> WordStates:
        """``by_word``: each word is a history, and the beginning is another, the last one; otherwise there is one."""
        histories = len(words) + 1 if by_word else 1
        links = [*words, *(link for link in silences for _ in range(histories))]
        sizes = np.array([len(link.emissions) for link in links])
        firsts = sizes.cumsum() - sizes
        lasts = firsts + sizes - 1
        said, paused = lasts[: len(words)], lasts[len(words) :].reshape(-1, histories)
        # No word leads to the beginning; its column needs a state all the same.
        spoken = np.append(said, paused[0, -1])[None] if by_word else said[:, None]
        skips = [place + skip for place, link in zip(firsts, links, strict=True) for skip in link.skips]
        numbers = np.append(np.arange(len(words)), np.full(paused.size, SILENT))
        places = np.arange(sizes.sum())
        return cls(
            torch.tensor([emission for link in links for emission in link.emissions]),
            torch.from_numpy(np.isin(places, firsts)),
            torch.from_numpy(np.isin(places, skips)),
            torch.from_numpy(firsts),
            torch.from_numpy(np.concatenate([spoken, paused])),
            np.repeat(numbers, sizes),
        )

    def to(self, device: torch.device) -> WordStates:
        """The same on a device; ``words`` stays where it is."""
        return WordStates(
            self.emissions.to(device),
            self.first.to(device),
            self.skips.to(device),
            self.firsts.to(device),
            self.ends.to(device),
            self.words,
        )


@final
@dataclass(frozen=True, slots=True)
class WordPath:
    """The best path of an utterance: its ``score``, the ``states`` (T,) of WordStates, and which frames begin a word or
    a silence (T,). Without a path (too short an utterance) the score is below POSSIBLE, and both are empty.
    """

    score: float
    states: npt.NDArray[np.int64]
    begins: npt.NDArray[np.bool_]


@torch.no_grad()
def search(
    states: WordStates, grammar: Grammar, transitions: torch.Tensor, emissions: torch.Tensor, lengths: torch.Tensor
) -> list[WordPath]:
    """The most probable paths, for transitions (S, 3), emissions (B, T, S), logarithms, and lengths (B,) at least 1."""
    together = max(1, _TRACED // (emissions.shape[1] * len(states.words)))
    found: list[WordPath] = []
    for first in range(0, len(lengths), together):
        some = slice(first, first + together)
        found += _Search(states, grammar, transitions, lengths[some].tolist()).run(emissions[some])
    return found


@final
class _Search:
    """The search of a few utterances of ``lengths`` frames, in float32."""

    def __init__(self, states: WordStates, grammar: Grammar, transitions: torch.Tensor, lengths: Sequence[int]) -> None:
        self._states, self._grammar, self._lengths = states, grammar, lengths
        logs = transitions.float()[states.emissions]
        self._stay, self._leave = logs[:, STAY], logs[:, NEXT][states.ends.flatten()]
        self._onward = logs[:, NEXT].roll(1).masked_fill(states.first, IMPOSSIBLE)
        self._over = logs[:, SKIP].roll(2).masked_fill(~states.skips, IMPOSSIBLE) if states.skips.any() else None
        frames, utterances, device = max(lengths), len(lengths), transitions.device
        self._moved = torch.empty(frames, utterances, len(states.words), dtype=torch.bool, device=device)
        self._skipped = torch.empty_like(self._moved) if self._over is not None else None
        self._ends = torch.empty(frames, utterances, states.ends.numel(), device=device)

    def run(self, emissions: torch.Tensor) -> list[WordPath]:
        """Frame by frame forwards, then back along the best path of each utterance."""
        states, lengths = self._states, self._lengths
        emissions = emissions[:, : max(lengths)]
        tops = emissions.amax(2, keepdim=True)
        frames = (emissions - tops).float().transpose(0, 1).contiguous()
        lost = tops[:, :, 0].double().cumsum(1).T
        begin = torch.full((len(lengths), states.ends.shape[1]), IMPOSSIBLE, device=emissions.device)
        begin[:, -1] = 0.0
        delta = torch.full((len(lengths), len(states.words)), IMPOSSIBLE, device=emissions.device)
        came, other = torch.empty_like(delta), torch.empty_like(delta)
        entries = self._entries(begin)
        finals: dict[int, float] = {}
        for t, frame in enumerate(frames):
            self._advance(t, delta, entries, came, other)
            torch.index_select(frame, 1, states.emissions, out=other)
            torch.add(came, other, out=delta)
            if t % _EVERY == 0:
                # What all paths have lost is put aside, so that the decimals of what is between them are kept.
                top = delta.amax(1, keepdim=True)
                delta -= top
                lost[t:] += top[:, 0]
            torch.index_select(delta, 1, states.ends.flatten(), out=self._ends[t])
            self._ends[t] += self._leave
            entries = self._entries(self._ends[t].view(-1, *states.ends.shape).amax(1))
            for row in [row for row, length in enumerate(lengths) if length == t + 1]:
                finals[row] = float(entries[row, -1] + lost[t, row])
        return self._trace(finals)

    def _entries(self, histories: torch.Tensor) -> torch.Tensor:
        """From the scores of histories (B, H) to those of entering chains, and of ending: (B, V + H·K + 1)."""
        words = self._grammar.enter(histories)
        pauses = (len(self._states.firsts) - words.shape[1] + 1) // histories.shape[1]
        return torch.cat([words[:, :-1], histories.repeat(1, pauses), words[:, -1:]], 1)

    def _advance(
        self, t: int, delta: torch.Tensor, entries: torch.Tensor, came: torch.Tensor, other: torch.Tensor
    ) -> None:
        """From ``delta`` at frame t − 1 to ``came``, (B, N): stay, go on within a word or enter one, or skip."""
        torch.add(delta, self._stay, out=came)
        torch.add(delta[:, :-1], self._onward[1:], out=other[:, 1:])
        other.index_copy_(1, self._states.firsts, entries[:, :-1])
        torch.gt(other, came, out=self._moved[t])
        torch.maximum(came, other, out=came)
        if self._over is not None and self._skipped is not None:
            other[:, :2] = IMPOSSIBLE
            torch.add(delta[:, :-2], self._over[2:], out=other[:, 2:])
            torch.gt(other, came, out=self._skipped[t])
            torch.maximum(came, other, out=came)

    def _trace(self, finals: dict[int, float]) -> list[WordPath]:
        moved = self._moved.cpu().numpy()
        skipped = None if self._skipped is None else self._skipped.cpu().numpy()
        words, first = self._states.words, self._states.first.cpu().numpy()
        paths = []
        for row, length in enumerate(self._lengths):
            if finals[row] < POSSIBLE:
                paths.append(WordPath(finals[row], np.zeros(0, np.int64), np.zeros(0, bool)))
                continue
            path, begins = np.zeros(length, np.int64), np.zeros(length, bool)
            history = self._before(row, length - 1, len(self._grammar.words) - 1)
            state = self._end(row, length - 1, history)
            for t in range(length - 1, 0, -1):
                path[t] = state
                if skipped is not None and skipped[t, row, state]:
                    state -= 2
                elif moved[t, row, state] and first[state]:
                    begins[t] = True
                    if words[state] != SILENT:
                        history = self._before(row, t - 1, int(words[state]))
                    state = self._end(row, t - 1, history)
                elif moved[t, row, state]:
                    state -= 1
            path[0], begins[0] = state, True
            paths.append(WordPath(finals[row], path, begins))
        return paths

    def _before(self, row: int, t: int, word: int) -> int:
        """The history from which a word, or the end, was entered best after frame t."""
        return self._grammar.history(self._ends[t, row].view(self._states.ends.shape).amax(0), word)

    def _end(self, row: int, t: int, history: int) -> int:
        """The state that led to a history best at frame t."""
        ends = self._ends[t, row].view(self._states.ends.shape)[:, history]
        return int(self._states.ends[ends.argmax(), history])
