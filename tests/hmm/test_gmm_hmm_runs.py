"""GMM-HMMs as runs: trained, stopped and taken up, scored, used, aligned; and configurations that cannot be meant."""

from __future__ import annotations

import json
import math
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hmm_cases import PHONES

from asrtrain.app import evaluate, fit, transcribe
from asrtrain.app.checks import requirements_of
from asrtrain.app.trained import load_system
from asrtrain.assembly import align_states, build_ingredients, cache_folder
from asrtrain.config import load_config
from asrtrain.data.validation import check_cheaply
from asrtrain.errors import DataError, UsageError
from asrtrain.hmm.interface import HMMHead
from asrtrain.hmm.inventory import SILENCE
from asrtrain.run_config import RunConfig
from asrtrain.types import Utterance


def passes(run: Path) -> list[dict[str, Any]]:
    rows = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [row for row in rows if row["kind"] == "epoch"]


def weights(run: Path, checkpoint: str = "last") -> bytes:
    return (run / "checkpoints" / checkpoint / "model.safetensors").read_bytes()


def test_single_words(word_run: Path) -> None:
    report = evaluate(word_run)
    assert report.task == "classification"
    assert report.accuracy > 0.9
    assert (word_run / "results" / "test-confusions.png").is_file()
    confidences = [outcome.hypothesis.confidence for outcome in report.outcomes]
    assert min(confidences) > 0.1
    assert max(confidences) <= 1
    assert passes(word_run)[-1]["best"]


def test_connected_words_from_transcripts_alone(string_run: Path) -> None:
    figures = evaluate(string_run).to_json()
    assert figures["wer"] < 0.15
    system = load_system(string_run, "last", "cpu")
    assert isinstance(system.model.head, HMMHead)
    assert float(system.model.head.words.insertion_penalty) >= 0


def test_strings_too_short_for_their_states_are_told(string_run: Path) -> None:
    """Two words of six states each have more than eight frames, though CTC would take three."""
    system = load_system(string_run, "best", "cpu")
    known = system.vocabulary.symbols[1]
    short, enough = (Utterance(str(s), Path("a.wav"), f"{known} {known}", duration=s) for s in (0.1, 0.3))
    (complaint,) = check_cheaply({"train": [short, enough]}, requirements_of(system)).errors
    assert (complaint.kind, complaint.utterance) == ("infeasible", "0.1")
    assert "CTC" not in str(complaint)
    assert "need 12 frames" in complaint.message


def test_where_no_recording_is_long_enough_no_run_begins(word_run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"all \d+ training utterances are too short .* need 300 frames"):
        fit(word_run / "config.yaml", overrides=["model.states=300"], output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_single_words_too_short_for_their_states_are_told(
    word_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(word_run / "config.yaml", overrides=["model.states=40"], output=tmp_path / "run", dry_run=True)
    assert "need 40 frames" in capsys.readouterr().err


@pytest.mark.parametrize("fixture", ["word_run", "string_run"])
def test_the_likelihood_rises_between_splits_and_is_logged(fixture: str, request: pytest.FixtureRequest) -> None:
    rows = passes(request.getfixturevalue(fixture))
    assert rows[0]["train_loss"] is None
    losses = [row["train_loss"] for row in rows[1:]]
    first_stage = losses[: len(losses) // 2 + 1]
    assert all(after <= before + 1e-4 * abs(before) for before, after in pairwise(first_stage))
    assert losses[-1] < losses[0]
    assert all(math.isfinite(row["dev_loss"]) for row in rows)


def test_the_resolved_configuration_repeats_the_run(word_run: Path, tmp_path: Path) -> None:
    again = fit(word_run / "config.yaml", output=tmp_path / "again")
    assert weights(again) == weights(word_run)


def test_a_stopped_run_is_taken_up_and_ends_as_if_nothing_had_happened(
    string_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is stopped by a signal that arrives while its fourth pass is being validated."""
    import os
    import signal

    from asrtrain.errors import Interrupted
    from asrtrain.hmm.baum_welch import BaumWelch

    own = BaumWelch.run_pass

    def interrupted(self: BaumWelch, number: int) -> float:
        if number == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return own(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(BaumWelch, "run_pass", interrupted)
        with pytest.raises(Interrupted, match="saved after epoch 4"):
            fit(string_run / "config.yaml", output=tmp_path / "run")
    assert len(passes(tmp_path / "run")) == 4
    fit(string_run / "config.yaml", output=tmp_path / "run")
    assert weights(tmp_path / "run") == weights(string_run)
    assert passes(tmp_path / "run") == passes(string_run)


def test_transcribing(word_run: Path, string_run: Path, fsdd: Path) -> None:
    seven = fsdd / "7_theo_1.wav"
    (word,) = transcribe([seven], run=word_run)
    (string,) = transcribe([seven], run=string_run)
    assert word.hypothesis.text == string.hypothesis.text == "seven"
    (timed,) = string.hypothesis.words
    assert 0 <= timed.start < timed.end <= string.duration + 0.03
    assert 0 < timed.confidence <= 1


def test_alignments_follow_the_transcript(string_run: Path) -> None:
    system = load_system(string_run, "best", "cpu")
    assert isinstance(system.model.head, HMMHead)
    inventory = system.model.head.words.inventory
    utterances = system.config.data.load_split("test", cache_folder())[:5]
    found = align_states(system, utterances)
    units = [name.rsplit(".", 1)[0] for name in inventory.names]
    for utterance in utterances:
        states = found[utterance.id].tolist()
        # A word begins at its first state, coming from any other than that itself.
        starts = [state for before, state in pairwise([-1, *states]) if state != before]
        firsts = [units[state] for state in starts if state == inventory.chain(units[state])[0]]
        assert [unit for unit in firsts if unit != SILENCE] == utterance.text.split()
        assert min(states) >= 0


def test_the_network_models_have_no_states(tmp_path: Path, fsdd: Path) -> None:
    from asrtrain.assembly import build_system, build_vocabulary

    speech = {"name": "fsdd", "folder": str(fsdd), "split": "test", "speakers": ["theo"]}
    config = RunConfig.model_validate({"data": {"train": speech}, "model": "softmax"})
    splits = config.data.load(tmp_path)
    system = build_system(config, build_vocabulary(config, splits), torch.device("cpu"))
    with pytest.raises(UsageError, match="no states to align"):
        align_states(system, splits.dev)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["optimizer={name: sgd, lr: 0.1}"], "trained without gradients: leave optimizer out"),
        (["training.patience=2"], "training.patience: mixtures of gmm_hmm grow until the last pass"),
        (["training.ema=0.9", "clipping=none"], r"leave clipping, training\.ema out"),
        (["data.unit=char"], "recognises words, but data.unit is char"),
        (["model.unit=phone"], "needs a lexicon"),
        (["model.lexicon=x.txt"], "a lexicon is given, but unit is word"),
        (["training.max_epochs=2"], "2 passes are too few to reach 2 components: give 3 or more"),
    ],
)
def test_what_cannot_be_meant(word_run: Path, overrides: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        fit(word_run / "config.yaml", overrides=overrides, dry_run=True)


def test_settings_that_cannot_be_meant_leave_no_run_behind(word_run: Path, tmp_path: Path) -> None:
    """And the newest run is the one before."""
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "latest").symlink_to(word_run)
    with pytest.raises(UsageError, match="passes are too few"):
        fit(word_run / "config.yaml", overrides=[f"output_dir={runs}", "training.max_epochs=2"])
    assert [path.name for path in runs.iterdir()] == ["latest"]
    assert (runs / "latest").resolve() == word_run.resolve()


def test_several_processes_are_refused_before_there_is_a_run(word_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="trained by one process: leave --nproc and torchrun out"):
        fit(word_run / "config.yaml", nproc=2, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_dry_run_tells_the_plan(word_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copyfile(word_run / "config.yaml", tmp_path / "words.yaml")
    fit(tmp_path / "words.yaml", overrides=[f"output_dir={tmp_path}/runs"], dry_run=True)
    assert "53 states, 5 passes" in capsys.readouterr().err


@pytest.mark.parametrize("unit", ["char", "phone"])
def test_words_spelled_in_smaller_units(unit: str, word_run: Path, tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.txt"
    lexicon.write_text(PHONES, encoding="utf-8")
    overrides = [f"model.unit={unit}", "model.states=3", "model.skip=true", "model.estimation=viterbi"]
    run = fit(
        word_run / "config.yaml",
        overrides=[*overrides, *([f"model.lexicon={lexicon}"] if unit == "phone" else [])],
        output=tmp_path / "run",
    )
    assert evaluate(run).accuracy > 0.85


def test_full_covariances(word_run: Path, tmp_path: Path) -> None:
    run = fit(
        word_run / "config.yaml", overrides=["model.covariance=full", "model.mixtures=1"], output=tmp_path / "run"
    )
    assert evaluate(run).accuracy > 0.9


def test_short_pauses_between_words(string_run: Path, tmp_path: Path) -> None:
    run = fit(string_run / "config.yaml", overrides=["model.short_pause=true"], output=tmp_path / "run")
    assert evaluate(run).words.rate < 0.2


def test_a_lexicon_that_lacks_words(word_run: Path, tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.txt"
    overrides = ["model.unit=phone", f"model.lexicon={lexicon}"]
    for text, sentence in [
        ("one w ah n\ntwo t uw\n", "lacks 8"),
        ("EIGHT ey t\n", r"lacks 10 .*\('EIGHT' is there: write words as data.text leaves them\)"),
        ("one w ah n\ntwo\n", "lexicon.txt:2: .* no phones"),
    ]:
        lexicon.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=sentence):
            fit(word_run / "config.yaml", overrides=overrides, dry_run=True)


def test_shipped_configurations_are_for_hidden_markov_models() -> None:
    for path in sorted((Path(__file__).parents[2] / "configs").glob("*_gmm_hmm.yaml")):
        assert load_config(path, RunConfig).model.name == "gmm_hmm"


def test_there_are_no_gradients_to_train_by(word_run: Path) -> None:
    system = load_system(word_run, "best", "cpu")
    with pytest.raises(UsageError, match="gmm_hmm is trained without gradients"):
        build_ingredients(system, system.config.data.load(cache_folder()))
