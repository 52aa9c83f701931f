"""Sentences spelled in phones and recognised with a bigram: real speech, from its manifest to its scores."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from asrtrain.app import evaluate, fit, transcribe
from asrtrain.app.trained import load_system
from asrtrain.config import load_config
from asrtrain.errors import UsageError
from asrtrain.hmm.interface import HMMHead
from asrtrain.language.models import LanguageModel
from asrtrain.run_config import RunConfig


def language_of(run: Path) -> LanguageModel:
    head = load_system(run, "best", "cpu").model.head
    assert isinstance(head, HMMHead)
    assert head.words.language is not None
    return head.words.language


def test_sentences_of_new_speakers(sentence_run: Path, few_sentences: Path) -> None:
    report = evaluate(sentence_run)
    config = load_config(sentence_run / "config.yaml", RunConfig)
    splits = config.data.load(few_sentences)
    parts = [{utterance.speaker for utterance in part} for part in (splits.train, splits.dev, splits.test)]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert len(report.outcomes) == len(splits.test)
    # A few minutes of children's speech; hearing nothing would be 100 %.
    assert report.words.rate < 0.6
    assert report.unknown == 0


def test_the_run_folder_holds_the_bigram_and_its_weight(sentence_run: Path) -> None:
    language = language_of(sentence_run)
    assert len(language.pairs) > 50
    assert float(language.weight) in (1, 2, 5, 10, 20)
    probabilities = language.unigrams.exp().sum()
    assert float(probabilities) == pytest.approx(1.0)


def test_a_recording_is_transcribed(sentence_run: Path, corpora: Path) -> None:
    (transcript,) = transcribe([corpora / "speechocean762-train" / "audio" / "000010035.opus"], run=sentence_run)
    words = transcript.hypothesis.words
    assert " ".join(word.text for word in words) == transcript.hypothesis.text
    assert all(0 <= word.start < word.end <= transcript.duration + 0.04 for word in words)
    assert all(one.end <= other.start + 1e-6 for one, other in pairwise(words))


def test_an_arpa_file_takes_the_place_of_the_transcripts(sentence_run: Path, tmp_path: Path) -> None:
    arpa = tmp_path / "model.arpa"
    arpa.write_text(
        "\\data\\\nngram 1=3\n\n\\1-grams:\n-99 <s>\n-1 </s>\n-2 <unk>\n-0.1 SIX\n\n\\end\\\n", encoding="utf-8"
    )
    overrides = [f"model.language_model={{name: arpa, path: {arpa}, weight: 100}}", "model.insertion_penalty=0"]
    run = fit(sentence_run / "config.yaml", overrides=overrides, output=tmp_path / "run")
    arpa.unlink()
    heard = [word for outcome in evaluate(run).outcomes for word in outcome.hypothesis.text.split()]
    assert heard.count("SIX") > len(heard) / 2
    assert float(language_of(run).weight) == 100
    assert torch.equal(language_of(run).pairs, torch.zeros(0, 2, dtype=torch.int64))


def test_single_words_have_no_language_model(word_run: Path) -> None:
    with pytest.raises(UsageError, match=r"model\.language_model .* data\.unit is label"):
        fit(word_run / "config.yaml", overrides=["model.language_model=bigram"], dry_run=True)
