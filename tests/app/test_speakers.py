"""Features normalised by speaker: of a speaker of the training data always as in training."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from tests.app.conftest import WORDS, write_config

from asrtrain.app import evaluate, fit, report, transcribe
from asrtrain.app.chosen import choose
from asrtrain.app.trained import load_system
from asrtrain.assembly import (
    build_ingredients,
    build_system,
    build_vocabulary,
    cache_folder,
    choose_device,
    evaluate_on,
)
from asrtrain.config import load_config
from asrtrain.run_config import RunConfig
from asrtrain.training.checkpoint import load_tensors, without_front_end

BY_SPEAKER = WORDS.replace("sample_rate: 8000", "sample_rate: 8000, normalise: speaker").replace(
    "average: 2", "ema: 0.9"
)


@pytest.fixture(scope="module")
def by_speaker(tmp_path_factory: pytest.TempPathFactory, fsdd: Path, cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("speakers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASRTRAIN_CACHE", str(cache))
        return fit(write_config(folder, fsdd, BY_SPEAKER))


def measured(run: Path, checkpoint: str = "best") -> dict[str, torch.Tensor]:
    return without_front_end(load_tensors(run / "checkpoints" / checkpoint)[0])[1]


@pytest.mark.parametrize("overrides", [[], ["augmentation={noise: {probability: 0.0}}"]])
def test_the_training_features_of_a_speaker_have_mean_zero(fsdd: Path, tmp_path: Path, overrides: list[str]) -> None:
    """The development part is held out of the same speakers. Augmented features are not cached."""
    config = load_config(write_config(tmp_path, fsdd, BY_SPEAKER), RunConfig, overrides)
    splits = config.data.load(cache_folder())
    recogniser = build_system(config, build_vocabulary(config, splits), choose_device("cpu"))
    ingredients = build_ingredients(recogniser, splits)
    speaker_of = {utterance.id: utterance.speaker for utterance in splits.train}
    frames: dict[str, list[torch.Tensor]] = {}
    for batch in ingredients.batches.epoch(0):
        for id_, features, length in zip(batch.ids, batch.features, batch.lengths.tolist(), strict=True):
            frames.setdefault(speaker_of[id_], []).append(features[:length])
    assert {utterance.speaker for utterance in splits.dev} == set(frames) == {"jackson", "theo"}
    for pieces in frames.values():
        together = torch.cat(pieces).double()
        assert float(together.mean(0).abs().max()) < 1e-4
        assert float((together.std(0, unbiased=False) - 1).abs().max()) < 1e-3


def test_the_statistics_that_were_trained_with_are_kept_with_the_weights(by_speaker: Path, tmp_path: Path) -> None:
    best, last = measured(by_speaker), measured(by_speaker, "last")
    assert set(best) == {"normalisation.jackson", "normalisation.theo"}
    assert all(torch.equal(best[name], last[name]) for name in best)
    stopped = fit(by_speaker / "config.yaml", output=tmp_path / "run")
    (stopped / "outcome.json").unlink()
    fit(by_speaker / "config.yaml", output=stopped)
    again = measured(stopped)
    assert all(torch.equal(best[name], again[name]) for name in best)


def test_scoring_one_set_changes_nothing_about_the_next(by_speaker: Path, fsdd: Path, tmp_path: Path) -> None:
    """Also where a speaker of both sets is none of the training data: what nicolas says differs between them."""
    sets = {}
    for name, speaker, take in (("known", "theo", 0), ("first", "nicolas", 1), ("second", "nicolas", 2)):
        paths = [fsdd / f"{digit}_{speaker}_{take}.wav" for digit in range(10)]
        rows = [{"audio": str(path), "text": path.name[0], "speaker": speaker} for path in paths]
        sets[name] = tmp_path / f"{name}.jsonl"
        sets[name].write_text("".join(json.dumps(row) + "\n" for row in rows))
    alone = {name: evaluate(by_speaker, data=path).outcomes for name, path in sets.items()}
    recogniser = load_system(by_speaker, "best", "cpu")
    kept = recogniser.front_end.state_dict()
    for name in ("known", "first", "second", "first", "known"):
        utterances = choose(recogniser.config.data, sets[name], "test", "best").utterances
        assert evaluate_on(recogniser, utterances, name).outcomes == alone[name]
    now = recogniser.front_end.state_dict()
    assert set(now) == set(kept)
    assert all(torch.equal(now[name], value) for name, value in kept.items())


def test_no_word_ends_after_its_recording(fsdd: Path, tmp_path: Path) -> None:
    """Frames of 30 ms of which a residual network scores every eighth reach beyond a word of 0.34 s."""
    changes = ["model=resnet", "features.stack=3", "training.max_steps=1", "training.ema=null"]
    run = fit(write_config(tmp_path, fsdd, BY_SPEAKER), overrides=changes)
    for one in transcribe([fsdd / "0_theo_3.wav", fsdd / "1_theo_3.wav"], run=run):
        assert 0 < one.hypothesis.words[-1].end <= one.duration
    for outcome in evaluate(run).outcomes:
        assert 0 < outcome.hypothesis.words[-1].end <= outcome.duration


def test_a_recording_of_nobody_known_is_transcribed(by_speaker: Path, fsdd: Path) -> None:
    assert list(transcribe([fsdd / "7_nicolas_3.wav"], run=by_speaker))


def test_a_part_is_heard_as_it_is_in_the_whole(by_speaker: Path, fsdd: Path, tmp_path: Path) -> None:
    """Nicolas is none of the training data: he is measured in all that he says, not in what one job scores of it."""
    paths = [fsdd / f"{digit}_{speaker}_1.wav" for speaker in ("nicolas", "lucas") for digit in range(10)]
    rows = [{"audio": str(path), "text": path.name[0], "speaker": path.name.split("_")[1]} for path in paths]
    data = tmp_path / "others.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole = {outcome.id: outcome for outcome in evaluate(by_speaker, data=data).outcomes}
    parts = [evaluate(by_speaker, data=data, shard=f"{number}/3") for number in (1, 2, 3)]
    parts.append(evaluate(by_speaker, data=data, shard="2/3", nproc=2))
    for part in parts:
        assert part.outcomes
        for outcome in part.outcomes:
            same = whole[outcome.id].hypothesis
            assert outcome.hypothesis.text == same.text
            assert outcome.hypothesis.confidence == pytest.approx(same.confidence, rel=1e-3)  # other batches


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names in UTF-8 only")
def test_a_run_whose_name_is_no_utf8_is_reported(by_speaker: Path, tmp_path: Path) -> None:
    run = tmp_path / os.fsdecode(b"run-\xff")
    shutil.copytree(by_speaker, run, symlinks=True)
    page = report([run], output=tmp_path / "page.html").read_text(encoding="utf-8")
    assert "%ACC" in page
