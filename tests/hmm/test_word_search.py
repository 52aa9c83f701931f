"""The search through all words beside the best of all paths, one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hmm.hmm_cases import random_transitions

from asrtrain.hmm.composition import Link
from asrtrain.hmm.graph import NEXT, POSSIBLE, SKIP, STAY
from asrtrain.hmm.word_search import SILENT, WordPath, WordStates, search
from asrtrain.language.bigrams import NEVER, estimate
from asrtrain.language.grammar import Grammar, Pairs, loop_grammar
from asrtrain.language.models import LanguageModel

EMISSIONS = 4
WORDS = 3


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Link], list[Link], Grammar, torch.Tensor, torch.Tensor]:
    """Words, silences, a grammar (a loop, or a random bigram), transitions (S, 3) and emissions (1, T, S)."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))

    def link(size: int) -> Link:
        skips = frozenset({2}) if size == 3 and draw(st.booleans()) else frozenset()
        return Link(tuple(torch.randint(EMISSIONS, (size,), generator=generator).tolist()), skips)

    words = [link(draw(st.integers(1, 3))) for _ in range(WORDS)]
    silences = [link(1) for _ in range(draw(st.integers(1, 2)))]
    transitions = random_transitions(EMISSIONS, generator)
    emissions = torch.randn(1, draw(st.integers(1, 5)), EMISSIONS, generator=generator, dtype=torch.float64)
    if draw(st.booleans()):
        return words, silences, loop_grammar(WORDS, 0.5, torch.device("cpu")), transitions, emissions
    seen = torch.rand(WORDS + 1, WORDS + 1, generator=generator) < 0.3
    histories, followers = seen.nonzero(as_tuple=True)
    # Seen pairs may be worse than backing off: then they are not taken.
    logs = torch.randn(len(histories), generator=generator) - 1
    backoffs, prices = torch.randn(WORDS + 1, generator=generator), torch.randn(WORDS + 1, generator=generator)
    backoffs[torch.rand(WORDS + 1, generator=generator) < draw(st.sampled_from([0.0, 0.3]))] = NEVER
    grammar = Grammar.of(backoffs, prices, Pairs(histories, followers, logs))
    return words, silences, grammar, transitions, emissions


def by_word(grammar: Grammar) -> bool:
    return len(grammar.backoffs) > 1


def price(grammar: Grammar, history: int, word: int) -> float:
    """Of a word, or the end, after a history."""
    own = range(int(grammar.firsts[history]), int(grammar.firsts[history + 1]))
    seen = [float(grammar.logs[i]) for i in own if grammar.followers[i] == word]
    return max([float(grammar.backoffs[history] + grammar.words[word]), *seen])


def every_way_of_saying(words: list[Link], silences: list[Link], most: int) -> Iterator[list[tuple[int, Link]]]:
    """Every row of words and silences with ``most`` states at least to go through; a silence's word is SILENT."""
    parts = [*enumerate(words), *((SILENT, silence) for silence in silences)]
    for count in range(1, most + 1):
        for row in itertools.product(parts, repeat=count):
            if sum(len(link.emissions) - len(link.skips) for _, link in row) <= most:
                yield list(row)


def best_in(row: list[tuple[int, Link]], transitions: torch.Tensor, emissions: torch.Tensor) -> float:
    """The best path through links one after another, frame by frame over a table."""
    chain = [emission for _, link in row for emission in link.emissions]
    firsts = np.cumsum([0, *(len(link.emissions) for _, link in row)])
    skips = {int(first) + skip for first, (_, link) in zip(firsts, row, strict=False) for skip in link.skips}
    scores = [float(emissions[0, chain[0]]), *[float("-inf")] * (len(chain) - 1)]
    for frame in emissions[1:]:
        ways = [
            max(
                scores[n] + float(transitions[chain[n], STAY]),
                scores[n - 1] + float(transitions[chain[n - 1], NEXT]) if n else float("-inf"),
                scores[n - 2] + float(transitions[chain[n - 2], SKIP]) if n in skips else float("-inf"),
            )
            for n in range(len(chain))
        ]
        scores = [way + float(frame[emission]) for way, emission in zip(ways, chain, strict=True)]
    return scores[-1] + float(transitions[chain[-1], NEXT])


def priced(row: list[tuple[int, Link]], grammar: Grammar) -> float:
    history, total = len(grammar.backoffs) - 1, 0.0
    for word, _ in row:
        if word != SILENT:
            total += price(grammar, history, word)
            history = word if by_word(grammar) else 0
    return total + price(grammar, history, WORDS)


def words_of(states: WordStates, path: WordPath) -> list[int]:
    return states.words[path.states[path.begins]].tolist()


@settings(max_examples=80, deadline=None)
@given(cases())
def test_the_best_words_are_the_best_of_all(
    case: tuple[list[Link], list[Link], Grammar, torch.Tensor, torch.Tensor],
) -> None:
    words, silences, grammar, transitions, emissions = case
    frames = emissions.shape[1]
    states = WordStates.of(words, silences, by_word=by_word(grammar))
    longer = torch.cat([emissions, torch.randn(1, 2, EMISSIONS)], 1).expand(2, -1, -1)
    whole, best = search(states, grammar, transitions, longer, torch.tensor([frames + 2, frames]))
    assert len(whole.states) == (frames + 2 if whole.score > POSSIBLE else 0)
    totals = [
        (priced(row, grammar) + best_in(row, transitions, emissions[0]), [word for word, _ in row])
        for row in every_way_of_saying(words, silences, frames)
    ]
    possible = [total for total in totals if total[0] > POSSIBLE]
    if not possible:
        assert best.score < POSSIBLE
        assert len(best.states) == 0
        return
    top = max(score for score, _ in possible)
    assert best.score == pytest.approx(top, abs=1e-4)
    assert words_of(states, best) in [row for score, row in possible if score > top - 1e-4]
    assert follows(states, best)


def test_words_seen_after_one_that_nothing_else_may_follow() -> None:
    """What such a pair gains over backing off cannot be told by a difference of 10³⁰."""
    pairs = Pairs(torch.tensor([0]), torch.tensor([1]), torch.tensor([-1.0], dtype=torch.float64))
    backoffs = torch.tensor([NEVER, 0.0, 0.0], dtype=torch.float64)
    grammar = Grammar.of(backoffs, torch.zeros(3, dtype=torch.float64), pairs)
    assert grammar.enter(torch.tensor([[3.0, 1.0, -9.0]])).tolist() == [[1.0, 2.0, 1.0]]


def follows(states: WordStates, path: WordPath) -> bool:
    """Whether each state is the one before, the next or the next but one, or begins a chain where another has ended."""
    for (before, here), begins in zip(itertools.pairwise(path.states.tolist()), path.begins[1:], strict=True):
        if begins:
            ok = bool(states.first[here]) and before in states.ends.flatten().tolist()
        else:
            ok = here in (before, before + 1) or (here == before + 2 and bool(states.skips[here]))
        if not ok:
            return False
    return True


def test_a_long_utterance_of_great_numbers_keeps_its_decimals() -> None:
    """Scores go down to −2·10⁷, where float32 counts in twos: the words are those that were put in all the same."""
    generator = torch.Generator().manual_seed(0)
    words = [Link((n,)) for n in range(1, 4)]
    states = WordStates.of(words, [Link((0,))], by_word=True)
    said = torch.randint(3, (200,), generator=generator)
    language = LanguageModel(3, 1.0)
    language.take(estimate([said.tolist()], 3))
    emissions = torch.full((1, 2000, 4), -9.0, dtype=torch.float64)
    emissions[0, torch.arange(2000), 1 + said.repeat_interleave(10)] = -8.0
    emissions[0, torch.arange(9, 2000, 10)] = torch.tensor([-1.0, -9.0, -9.0, -9.0], dtype=torch.float64)
    transitions = torch.full((4, 3), 0.5).log()
    (path,) = search(states, language.grammar(0.0), transitions, emissions - 1e4, torch.tensor([2000]))
    assert [word for word in words_of(states, path) if word != SILENT] == said.tolist()
    assert path.score < -2e7


def test_utterances_are_searched_together_or_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many at once as memory allows; what is heard does not depend on it."""
    generator = torch.Generator().manual_seed(0)
    states = WordStates.of([Link((1, 2)), Link((3,))], [Link((0,))], by_word=False)
    grammar = loop_grammar(2, 0.5, torch.device("cpu"))
    transitions = random_transitions(EMISSIONS, generator)
    emissions, lengths = torch.randn(5, 9, EMISSIONS, generator=generator), torch.tensor([9, 3, 1, 7, 5])
    together = search(states, grammar, transitions, emissions, lengths)
    monkeypatch.setattr("asrtrain.hmm.word_search._TRACED", 2 * 9 * len(states.words))
    apart = search(states, grammar, transitions, emissions, lengths)
    for one, other in zip(together, apart, strict=True):
        assert one.score == pytest.approx(other.score)
        assert one.states.tolist() == other.states.tolist()
        assert one.begins.tolist() == other.begins.tolist()


def test_a_history_outlives_silence() -> None:
    """After word 0 comes word 1, always; the sounds of 1 and 2 are the same, and a pause lies between."""
    words = [Link((1,)), Link((2,)), Link((2,))]
    states = WordStates.of(words, [Link((0,))], by_word=True)
    language = LanguageModel(3, 1.0)
    language.take(estimate([[0, 1], [2], [2], [2], [0, 1]], 3))
    emissions = torch.full((1, 9, 3), -20.0)
    for state, frames in [(1, slice(0, 3)), (0, slice(3, 6)), (2, slice(6, 9))]:
        emissions[0, frames, state] = 0.0
    transitions = torch.full((3, 3), 0.5).log()
    (path,) = search(states, language.grammar(0.0), transitions, emissions, torch.tensor([9]))
    assert words_of(states, path) == [0, SILENT, 1]
    (path,) = search(states, language.grammar(0.0), transitions, emissions[:, 3:], torch.tensor([6]))
    assert words_of(states, path) == [SILENT, 2]
