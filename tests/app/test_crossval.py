"""Leaving one speaker out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from asrtrain.app import crossval, crossval_table, evaluate, fit
from asrtrain.app.crossval import leaving_out
from asrtrain.config import load_config
from asrtrain.errors import CheckpointError, DataError, UsageError
from asrtrain.run_config import RunConfig
from asrtrain.run_folder import read_config


def test_a_fold_for_each_speaker_and_their_mean(trained: Path, tmp_path: Path) -> None:
    config, options = trained / "config.yaml", {"overrides": ["training.max_epochs=1"], "output": tmp_path / "folds"}
    report = crossval(config, **options)
    assert list(report.folds) == ["jackson", "theo"]
    assert report.mean == pytest.approx(sum(fold.accuracy for fold in report.folds.values()) / 2)
    assert report.to_text().splitlines()[-1].split() == ["mean", f"{100 * report.mean:.2f}"]
    assert report.to_json()["folds"]["theo"]["n"] == 50
    assert crossval(config, **options).mean == report.mean


def test_the_speaker_is_neither_trained_nor_selected_on(trained: Path) -> None:
    fold = leaving_out(load_config(trained / "config.yaml", RunConfig), "theo").data.load(trained / "unused")
    assert {u.speaker for u in (*fold.train, *fold.dev)} == {"jackson"}
    assert {u.speaker for u in fold.test} == {"theo"}


def test_a_fold_is_a_run_like_any_other(trained: Path, tmp_path: Path) -> None:
    report = crossval(trained / "config.yaml", overrides=["training.max_epochs=1"], output=tmp_path / "folds")
    assert evaluate(tmp_path / "folds" / "theo").accuracy == report.folds["theo"].accuracy


def test_a_speaker_who_is_not_there_cannot_be_left_out(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are: jackson, theo"):
        fit(trained / "config.yaml", overrides=["data.leave_out=nobody"], output=tmp_path / "x")


def test_one_speaker_is_not_enough(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two or more named speakers"):
        crossval(trained / "config.yaml", overrides=["data.test.speakers=[theo]"], output=tmp_path / "x")


def test_several_configurations_make_one_table(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "shorter.yaml"
    other.write_text((trained / "config.yaml").read_text().replace("frames: 12", "frames: 6"), encoding="utf-8")
    configs, folder = [trained / "config.yaml", other], tmp_path / "folds"
    table = crossval_table(configs, overrides=["training.max_epochs=1"], output=folder)
    assert list(table.reports) == ["config", "shorter"]
    assert table.reports["shorter"].folder == folder / "shorter"
    heads, first, second = (line.split() for line in table.to_text().splitlines())
    assert heads == ["%ACC", "jackson", "theo", "mean"]
    assert [first[0], second[0]] == ["config", "shorter"]
    assert float(second[-1]) == pytest.approx(100 * table.reports["shorter"].mean, abs=0.005)
    assert table.to_json()["configurations"]["config"]["mean"] == table.reports["config"].mean


def test_tables_need_names_that_differ_and_the_same_speakers(trained: Path, fsdd: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="same name"):
        crossval_table([trained / "config.yaml"] * 2, output=tmp_path / "x")
    other = tmp_path / "others.yaml"
    other.write_text((trained / "config.yaml").read_text().replace("jackson", "lucas"), encoding="utf-8")
    with pytest.raises(UsageError, match="other speakers"):
        crossval_table([trained / "config.yaml", other], overrides=["training.max_epochs=1"], output=tmp_path / "folds")
    assert not (tmp_path / "folds").exists(), "something was trained before it was said"


def test_a_run_that_a_hybrid_lacks_is_missed_before_anything_is_trained(trained: Path, tmp_path: Path) -> None:
    settings = yaml.safe_load((trained / "config.yaml").read_text())
    acoustic = {"name": "mlp", "hidden_sizes": [16]}
    model = {"name": "dnn_hmm", "states": 3, "align_from": str(tmp_path / "nowhere"), "acoustic": acoustic}
    hybrid = tmp_path / "hybrid.yaml"
    hybrid.write_text(yaml.safe_dump({**settings, "model": model}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="nowhere is no run folder"):
        crossval_table([trained / "config.yaml", hybrid], output=tmp_path / "folds")
    assert not (tmp_path / "folds").exists()


def test_a_hybrid_is_aligned_and_begun_by_runs_without_the_speaker(trained: Path, tmp_path: Path) -> None:
    settings = yaml.safe_load((trained / "config.yaml").read_text())
    mixtures = tmp_path / "mixtures.yaml"
    kept = {key: settings[key] for key in ("seed", "output_dir", "data", "features")}
    mixtures.write_text(
        yaml.safe_dump({**kept, "model": {"name": "gmm_hmm", "states": 3, "mixtures": 1}}), encoding="utf-8"
    )
    aligner = fit(mixtures, overrides=["training={max_epochs: 2, batch_size: 64}"])
    hybrid = "name: dnn_hmm, states: 3, acoustic: {name: mlp, hidden_sizes: [16]}"
    first = fit(
        trained / "config.yaml",
        overrides=[f"model={{{hybrid}, align_from: {aligner}}}", "training.max_epochs=1"],
        output=tmp_path / "first",
    )
    again = f"model={{{hybrid}, align_from: {first}, start_from: {first}}}"
    crossval(trained / "config.yaml", overrides=[again, "training.max_epochs=1"], output=tmp_path / "folds")
    for speaker in ("jackson", "theo"):
        fold = read_config(tmp_path / "folds" / speaker)
        assert fold.model.align_from == tmp_path / "folds" / f"{speaker}-aligner"
        assert fold.model.start_from == fold.model.align_from
        begun = read_config(fold.model.align_from)
        assert begun.data.leave_out == speaker == fold.data.leave_out
        assert begun.model.align_from == tmp_path / "folds" / f"{speaker}-aligner-aligner"
        assert read_config(begun.model.align_from).data.leave_out == speaker
