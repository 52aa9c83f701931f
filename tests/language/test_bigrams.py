"""Bigrams: probabilities, their estimation beside the formula by hand, and ARPA files."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asrtrain.data.manifest import read_manifest
from asrtrain.data.splits import HeldOutConfig, hold_out
from asrtrain.errors import DataError
from asrtrain.language.arpa import read_arpa
from asrtrain.language.bigrams import NEVER, Bigrams, estimate
from asrtrain.language.grammar import Grammar
from asrtrain.language.models import LanguageModel

WORDS = 5
SENTENCES = st.lists(st.lists(st.integers(0, WORDS - 1), max_size=6), max_size=8)

ARPA = """\
a comment before the data

\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-99 <s> -0.5
-1.0 </s>
-0.5 yes -0.25
-0.75\tno
-2 perhaps -0.1

\\2-grams:
-0.2 <s> yes
-0.3 yes no
-0.4 no </s>

\\end\\
"""


def log_probability(bigrams: Bigrams, before: int, after: int) -> float:
    seen = (bigrams.pairs == (before, after)).all(1).nonzero()[0]
    return float(bigrams.logs[seen[0]] if len(seen) else bigrams.backoffs[before] + bigrams.unigrams[after])


@settings(deadline=None, max_examples=50)
@given(SENTENCES)
def test_what_may_follow_has_a_probability_and_they_add_up_to_one(sentences: list[list[int]]) -> None:
    """After every word, seen or not, and at the beginning; the end among what follows."""
    bigrams = estimate(sentences, WORDS)
    for before in range(WORDS + 1):
        logs = [log_probability(bigrams, before, after) for after in range(WORDS + 1)]
        assert min(logs) > -50
        assert sum(map(math.exp, logs)) == pytest.approx(1.0, abs=1e-9)
    assert np.exp(bigrams.unigrams).sum() == pytest.approx(1.0)
    assert bigrams.pairs.tolist() == sorted(bigrams.pairs.tolist())


def test_kneser_ney_by_hand() -> None:
    """Words a, b, c, of which nobody says c: "a b", "a b", "a". Boundaries are number 3.

    Pairs: 3a ×3, ab ×2, b3 ×2, a3 ×1, so n₁ = 1, n₂ = 2, D = 1/5. Different words before: a has 1, b 1, the end 2, so
    n₁ = 2, n₂ = 1, D₁ = 2/4.
    """
    bigrams = estimate([[0, 1], [0, 1], [0]], 3)
    low, high = 2 / 4, 1 / 5
    spread = low * 3 / 4 / 4
    alone = [(1 - low) / 4 + spread, (1 - low) / 4 + spread, spread, (2 - low) / 4 + spread]
    assert np.exp(bigrams.unigrams) == pytest.approx(alone)
    after_a = high * 2 / 3
    assert math.exp(log_probability(bigrams, 0, 1)) == pytest.approx((2 - high) / 3 + after_a * alone[1])
    assert math.exp(log_probability(bigrams, 0, 2)) == pytest.approx(after_a * alone[2])
    assert log_probability(bigrams, 2, 0) == pytest.approx(math.log(alone[0]))


def test_a_bigram_expects_real_sentences_better_than_words_alone_do(corpora: Path) -> None:
    utterances = read_manifest(corpora / "speechocean762-train")
    train, rest = hold_out(utterances, HeldOutConfig(by="speaker", fraction=0.2))
    numbers = {word: n for n, word in enumerate(sorted({word for u in utterances for word in u.text.split()}))}
    bigrams = estimate(([numbers[word] for word in u.text.split()] for u in train), len(numbers))
    seen = {(before, after): log for (before, after), log in zip(bigrams.pairs.tolist(), bigrams.logs, strict=True)}
    together, alone = [], []
    for utterance in rest:
        boundary = len(numbers)
        for before, after in pairwise([boundary, *(numbers[word] for word in utterance.text.split()), boundary]):
            backed_off = bigrams.backoffs[before] + bigrams.unigrams[after]
            together.append(seen.get((before, after), backed_off))
            alone.append(bigrams.unigrams[after])
    assert math.exp(-np.mean(together)) < min(200, 0.6 * math.exp(-np.mean(alone)))


def written(folder: Path, text: str) -> Path:
    path = folder / "model.arpa"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_arpa_file_means_what_it_says(tmp_path: Path) -> None:
    bigrams = read_arpa(written(tmp_path, ARPA), ["no", "yes"])
    no, yes, boundary = range(3)
    expected = {
        (boundary, yes): -0.2,
        (boundary, no): -0.5 - 0.75,
        (yes, no): -0.3,
        (yes, yes): -0.25 - 0.5,
        (yes, boundary): -0.25 - 1.0,
        (no, boundary): -0.4,
        (no, no): -0.75,
    }
    for (before, after), log in expected.items():
        assert log_probability(bigrams, before, after) == pytest.approx(log * math.log(10))


@pytest.mark.parametrize("zero", ["-99", "-99.0", "-inf"])
def test_what_never_comes_is_written_as_minus_99(tmp_path: Path, zero: str) -> None:
    text = ARPA.replace("yes -0.25", f"yes {zero}").replace("-0.75\tno", f"{zero}\tno").replace("-0.4 no", f"{zero} no")
    bigrams = read_arpa(written(tmp_path, text), ["no", "yes"])
    no, yes, boundary = range(3)
    for before, after in ((yes, yes), (boundary, no), (no, no), (no, boundary)):
        assert log_probability(bigrams, before, after) <= NEVER / 2
    assert log_probability(bigrams, yes, no) == pytest.approx(-0.3 * math.log(10))
    assert all(np.isfinite(part).all() for part in (bigrams.unigrams, bigrams.backoffs, bigrams.logs))


def test_words_that_the_file_lacks_are_unknown_ones(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"lacks 1 word\(s\) of the training data and has no <unk> of any probability: 'never'"
    ):
        read_arpa(written(tmp_path, ARPA), ["never", "yes"])
    path = written(tmp_path, ARPA.replace("-2 perhaps", "-2 <unk>"))
    assert read_arpa(path, ["never", "yes"]).unigrams[0] == pytest.approx(-2 * math.log(10))
    with pytest.raises(DataError, match=r"lacks 1 word\(s\) .* and has no <unk> of any probability: 'never'"):
        read_arpa(written(tmp_path, ARPA.replace("-2 perhaps", "-99 <unk>")), ["never", "yes"])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("-0.5 yes -0.25", "0.5 yes", r"model\.arpa:10: expected a logarithm to base 10, 1 word"),
        ("-0.5 yes -0.25", "-0.5 yes inf", r"model\.arpa:10: "),
        ("-0.5 yes -0.25", "-0.5 yes nan", r"model\.arpa:10: "),
        ("-0.3 yes no", "-0.3 yes", r"model\.arpa:16: .* 2 word"),
        ("-0.3 yes no", "-0.3 yes no maybe", r"model\.arpa:16: "),
        ("-1.0 </s>\n", "", "has no 1-gram </s>"),
        ("\\end\\\n", "", r"no whole ARPA file: it has no line \\end"),
        ("\\end\\", "\\3-grams:", "this file has 3-grams: estimate it with order 2"),
        ("\\end\\", f"\\{'9' * 5000}-grams:", "this file has 9{59}…-grams: estimate it with order 2"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read_arpa(written(tmp_path, ARPA.replace(old, new)), ["no", "yes"])
    with pytest.raises(DataError, match=r"none\.arpa: there is no such file"):
        read_arpa(tmp_path / "none.arpa", ["no"])


@settings(deadline=None)
@given(SENTENCES, st.integers(0, 10**6), st.sampled_from([0.5, 1.0, 7.0]))
def test_a_grammar_enters_words_at_the_bigram_s_price(sentences: list[list[int]], seed: int, weight: float) -> None:
    bigrams = estimate(sentences, WORDS)
    language = LanguageModel(WORDS, weight)
    language.take(bigrams)
    grammar: Grammar = language.grammar(2.0)
    histories = 30 * torch.randn(1, WORDS + 1, generator=torch.Generator().manual_seed(seed))
    best = grammar.enter(histories)
    for word in range(WORDS + 1):
        price = 0.0 if word == WORDS else 2.0
        ways = [
            float(histories[0, before]) + weight * log_probability(bigrams, before, word) - price
            for before in range(WORDS + 1)
        ]
        assert float(best[0, word]) == pytest.approx(max(ways), abs=1e-3)
        assert ways[grammar.history(histories[0], word)] == pytest.approx(max(ways), abs=1e-3)


def test_a_checkpoint_brings_its_own_bigrams() -> None:
    one, other = LanguageModel(WORDS, 1.0), LanguageModel(WORDS, 1.0)
    one.take(estimate([[0, 1, 2], [3, 1]], WORDS))
    other.take(estimate([[4]], WORDS))
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.pairs, one.pairs)
    assert torch.equal(other.logs, one.logs)
