"""The words of a recogniser as chains of states: everything of a hidden Markov model but its emissions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import final

import torch
from torch import nn

from asrtrain.data.vocabulary import Vocabulary
from asrtrain.hmm.composition import Link, sequence
from asrtrain.hmm.forward_backward import forward_ends
from asrtrain.hmm.graph import IMPOSSIBLE, NEXT, SKIP, STAY, Graph, StateGraph, batched, union
from asrtrain.hmm.inventory import SILENCE, Inventory
from asrtrain.hmm.viterbi import viterbi
from asrtrain.hmm.word_search import WordStates
from asrtrain.language.grammar import Grammar, loop_grammar
from asrtrain.language.models import LanguageModel
from asrtrain.types import Targets

Transcript = tuple[int, ...]
"""Ids of the words said."""

_FIRST_PROBABILITIES = {STAY: 0.6, NEXT: 0.3, SKIP: 0.1}


@final
class WordModels(nn.Module):
    """An inventory of states with what was learnt of it: buffers ``transitions`` (S, 3), logarithms, and ``occupancy``
    (S,), the frames that each state had in the last pass over the training data; and with what recognition needs:
    ``acoustic_scale``, by which emissions are multiplied, ``insertion_penalty``, taken off for each word, and
    ``language``, the language model, if there is one.

    With ``most``, the L states of the inventory, of units in contexts, are tied to as many at most, silence apart:
    ``tying`` (L,) int64 says which of the S distributions each has, at first that of the unit without its context.
    Whatever composes states numbers them as the inventory does; ``tied`` puts the tying in.
    """

    tying: torch.Tensor | None
    transitions: torch.Tensor
    occupancy: torch.Tensor
    acoustic_scale: torch.Tensor
    insertion_penalty: torch.Tensor

    def __init__(
        self,
        inventory: Inventory,
        vocabulary: Vocabulary,
        language_weight: float | None = None,
        most: int | None = None,
    ) -> None:
        super().__init__()
        self.inventory = inventory
        self.vocabulary = vocabulary
        self.spoken = tuple(place for place, word in enumerate(vocabulary.symbols) if word in inventory.spelling)
        self.distributions = inventory.states
        if most is not None:
            self.distributions = min(inventory.states, inventory.sizes[SILENCE] + most)
        self.register_buffer("tying", None if most is None else torch.tensor(inventory.monophones))
        self.register_buffer("transitions", _first_transitions(self))
        self.register_buffer("occupancy", torch.zeros(self.distributions, dtype=torch.float64))
        self.register_buffer("acoustic_scale", torch.ones((), dtype=torch.float64))
        self.register_buffer("insertion_penalty", torch.zeros((), dtype=torch.float64))
        self.language = None if language_weight is None else LanguageModel(len(self.spoken), language_weight)
        self._graphs: dict[Transcript, StateGraph] = {}
        self._states: WordStates | None = None

    def transcripts(self, targets: Targets) -> list[Transcript]:
        """What is said in each utterance of a batch."""
        rows = zip(targets.values.tolist(), targets.lengths.tolist(), strict=True)
        return [tuple(row[:length]) for row, length in rows]

    def links(self, transcript: Transcript) -> list[Link]:
        """The chains of an utterance, silence among them."""
        return self.inventory.links([self.vocabulary.symbols[word] for word in transcript])

    def frames_needed(self, transcript: Sequence[int]) -> int:
        """The fewest frames that an utterance can have."""
        return self.inventory.frames_needed([self.vocabulary.symbols[word] for word in transcript])

    def graph(self, transcripts: Sequence[Transcript]) -> Graph:
        """What may be heard where these are said."""
        for transcript in transcripts:
            if transcript not in self._graphs:
                self._graphs[transcript] = sequence(self.links(transcript))
        return self.batched([self._graphs[transcript] for transcript in transcripts])

    def batched(self, graphs: Sequence[StateGraph]) -> Graph:
        """Graphs of the inventory's states as a batch, with what was learnt put in: transitions and tying."""
        return batched(graphs, self.transitions, self.tying)

    def tied(self, states: torch.Tensor) -> torch.Tensor:
        """The distributions (0 to S − 1) of states of the inventory (0 to L − 1)."""
        return states if self.tying is None else self.tying[states]

    @property
    def used(self) -> int:
        """How many distributions there are, of the S that there is room for: the first ones."""
        return self.distributions if self.tying is None else int(self.tying.max()) + 1

    @torch.no_grad()
    def retie(self, tying: torch.Tensor) -> None:
        """Take another tying (L,), each distribution's transitions from one that its states had before."""
        assert self.tying is not None
        self.transitions[tying] = self.transitions[self.tying]
        self.tying.copy_(tying)

    def untied(self, transcripts: Sequence[Transcript]) -> Graph:
        """``graph`` with its states as the inventory numbers them, for counting."""
        assert self.tying is not None
        return batched([self._graphs[transcript] for transcript in transcripts], self.transitions[self.tying])

    def word_scores(self, emissions: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Log p(utterance | word) for emissions (B, T, S) and lengths (B,): (B, V), all words at once."""
        if not len(lengths):  # nothing, but with the graph
            return emissions.flatten(1).sum(1, keepdim=True).expand(-1, len(self.vocabulary))
        graphs = [sequence(self.links((word,))) for word in range(len(self.vocabulary))]
        graph = self.batched([union(graphs)] * len(lengths))
        ends = forward_ends(graph, emissions, lengths)
        parts = torch.split(ends, list(map(len, graphs)), 1)
        return torch.stack([torch.logsumexp(part, 1) for part in parts], 1)

    @property
    def sayable(self) -> list[str]:
        """The words that can be said, as ``states``, ``grammar`` and the language model number them."""
        return [self.vocabulary.symbols[word] for word in self.spoken]

    def states(self) -> WordStates:
        """All words that can be said, for recognition, on the model's device and with the tying put in."""
        if self._states is None:
            links = [self.inventory.link(word) for word in self.sayable]
            self._states = WordStates.of(links, self.inventory.silences(), by_word=self.language is not None)
        self._states = self._states.to(self.transitions.device)
        return replace(self._states, emissions=self.tied(self._states.emissions))

    def grammar(self) -> Grammar:
        """Which of them may follow which."""
        penalty = float(self.insertion_penalty)
        if self.language is None:
            return loop_grammar(len(self.spoken), penalty, self.transitions.device)
        return self.language.grammar(penalty)

    def align(self, emissions: torch.Tensor, lengths: torch.Tensor, transcripts: Sequence[Transcript]) -> torch.Tensor:
        """The emission state (0 to S − 1) of every frame on the best path through each transcript: (B, T) int64, −1
        beyond each length and for utterances too short for their transcript.
        """
        paths = self.paths(emissions, lengths, transcripts)
        states = self.graph(transcripts).emissions.gather(1, paths.clamp(min=0))
        return states.masked_fill(paths < 0, -1)

    def paths(self, emissions: torch.Tensor, lengths: torch.Tensor, transcripts: Sequence[Transcript]) -> torch.Tensor:
        """The same, as states of each transcript's own graph, where a word said twice has states for both."""
        best = viterbi(self.graph(transcripts), emissions, lengths)
        return best.states.masked_fill(~best.possible[:, None], -1)


def _first_transitions(words: WordModels) -> torch.Tensor:
    """What transitions begin with: skipping only where a state of the unit lies that far ahead."""
    transitions = torch.full((words.distributions, 3), IMPOSSIBLE, dtype=torch.float64)
    for kind, probability in _FIRST_PROBABILITIES.items():
        transitions[:, kind] = math.log(probability)
    stuck = ~torch.tensor(words.inventory.may_skip)
    transitions[words.tied(torch.arange(len(stuck)))[stuck], SKIP] = IMPOSSIBLE
    return transitions.log_softmax(1).clamp(min=IMPOSSIBLE)
