"""The page about runs: everything is there, in words too; nothing is fetched; nothing of a user's becomes markup."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from html_outline import Outline

from asrtrain.app import fit, report
from asrtrain.cli import main
from asrtrain.errors import DataError
from asrtrain.evaluation import read_results
from asrtrain.files.sealed import unseal_line
from asrtrain.reporting.html.thinning import MOST_POINTS, thinned

LIMIT = 5_000_000


def page_of(*runs: Path, to: Path) -> str:
    return report(runs, output=to / "page.html").read_text(encoding="utf-8")


def copied(run: Path, to: Path, name: str = "run") -> Path:
    return Path(shutil.copytree(run, to / name, symlinks=True))


def rows_of(run: Path) -> list[dict]:
    return [unseal_line(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def write_rows(run: Path, rows: list[dict]) -> None:
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def both(words: Path, strings: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(words, strings, to=tmp_path_factory.mktemp("both"))


def test_nothing_is_fetched(both: str) -> None:
    outline = Outline(both)
    assert outline.addresses()
    assert all(address.startswith(("data:", "#")) for address in outline.addresses())
    assert all(inside.startswith("#") for inside in re.findall(r"url\(['\"]?([^)]*)", both))
    assert "@import" not in both
    (policy,) = [meta["content"] for meta in outline.all("meta") if meta.get("http-equiv")]
    assert (policy or "").startswith("default-src 'none'")


def test_every_figure_says_in_numbers_what_it_shows(both: str) -> None:
    outline = Outline(both)
    figures = outline.all("svg")
    assert len(figures) == len(outline.all("figure")) > 20
    for figure in figures:
        assert figure["role"] == "img"
        assert re.search(r"\d", outline.text_of(figure["aria-labelledby"]))


def test_the_page_is_in_order(both: str) -> None:
    outline = Outline(both)
    ids = [attributes["id"] for _, attributes in outline.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert {address[1:] for address in outline.addresses() if address[0] == "#"} <= set(ids)
    assert set(re.findall(r"url\(#([^)]*)\)", both)) <= set(ids)
    levels = outline.headings()
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(cell.get("scope") in ("row", "col") for cell in outline.all("th"))
    assert len(outline.texts("caption")) == len(outline.all("table"))
    assert next(iter(outline.all("a")))["href"] == "#content"


def test_figures_take_their_colours_from_the_page(both: str) -> None:
    styles = " ".join(re.findall(r'style="([^"]*)"', both))
    assert "var(--ink)" in styles
    assert not re.search(r"#[0-9a-f]{6}", styles)


def test_scores_are_those_of_the_evaluation(both: str, words: Path, strings: Path) -> None:
    outline = Outline(both)
    for run in (words, strings):
        for line in read_results(run / "results", "test").to_text().splitlines():
            assert any(line in text for text in outline.texts("pre"))
    scored = read_results(words / "results", "test")
    matrix = both[both.index('<table class="matrix">') :]
    counts = re.findall(r"<td style=[^>]*>(\d*)</td>", matrix[: matrix.index("</table>")])
    assert sum(int(count or 0) for count in counts) == len(scored.outcomes) == 100
    spelled = read_results(strings / "results", "test").words
    cells = re.findall(r'<th scope="row">(\w+)</th><td>(\d+)</td>', both)
    assert {name: int(count) for name, count in cells}.items() >= {
        ("substitutions", spelled.substitutions),
        ("insertions", spelled.insertions),
        ("deletions", spelled.deletions),
    }


def test_the_worst_utterances_can_be_heard(both: str, fsdd: Path) -> None:
    outline = Outline(both)
    players = outline.all("audio")
    assert 9 <= len(players) <= 16
    assert sum(len(player["src"] or "") for player in players) < 2_000_000
    player = players[0]
    assert "controls" in player
    name = (player["aria-label"] or "").removeprefix("Recording of ")
    kind, _, content = (player["src"] or "").partition(",")
    assert kind == "data:audio/flac;base64"
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(content)), dtype="int16")
    original, _ = soundfile.read(fsdd / f"{name}.wav", dtype="int16")
    assert rate == 8000
    np.testing.assert_allclose(heard.astype(int), original.astype(int), atol=1)


def test_runs_stand_side_by_side(both: str) -> None:
    outline = Outline(both)
    assert "Scores and training side by side" in outline.texts("caption")
    assert "Settings that differ" in outline.texts("caption")
    assert "objective.name" in outline.texts("th")
    assert "seed" not in outline.texts("th")
    assert any(text.startswith("Training loss Means") for text in outline.texts("figcaption"))


def test_a_run_of_ten_thousand_steps_stays_small_and_keeps_its_spikes(strings: Path, tmp_path: Path) -> None:
    run = copied(strings, tmp_path)
    rows = rows_of(run)
    head, steps = rows[0], [row for row in rows if row["kind"] == "step"]
    many = [steps[n % len(steps)] | {"step": n + 1} for n in range(10_000)]
    many[7_777] = many[7_777] | {"norm_before": 123456.0}
    write_rows(run, [head, *many, *(row for row in rows if row["kind"] == "epoch")])
    page = page_of(run, to=tmp_path)
    assert len(page.encode()) < LIMIT
    outline = Outline(page)
    assert any("largest 1.235e+05" in text and "at step 7778" in text for text in outline.texts("figcaption"))
    assert "of 10,000 steps were clipped" in page


def test_thinning_keeps_extremes_and_gaps() -> None:
    x = np.arange(10_000.0)
    y = np.sin(x)
    y[1234], y[4321], y[5000:5100] = 50.0, -50.0, np.nan
    fewer_x, fewer_y = thinned(x, y)
    assert len(fewer_x) <= MOST_POINTS
    assert {(1234.0, 50.0), (4321.0, -50.0)} <= set(zip(fewer_x.tolist(), fewer_y.tolist(), strict=True))
    assert np.isnan(fewer_y).any()
    assert (np.diff(fewer_x) > 0).all()
    assert thinned(x[:10], y[:10])[0].tolist() == x[:10].tolist()


def test_what_users_wrote_never_becomes_markup(words: Path, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\"'&$x_1$"
    run = copied(words, tmp_path, 'a<b onload="x">&$y_2$')
    table = run / "results" / "test-utterances.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()
    spoilt = [re.sub(r"^\w+", hostile.replace('"', ""), line) for line in lines[1:]]
    table.write_text("\n".join([lines[0], *spoilt]), encoding="utf-8")
    figures = run / "results" / "test.json"  # as versions without checksums wrote it
    known = json.loads(figures.read_text(encoding="utf-8"))
    figures.write_text(json.dumps({k: v for k, v in known.items() if not k.endswith("sha256")}), encoding="utf-8")
    page = page_of(run, words, to=tmp_path)
    outline = Outline(page)
    assert len(outline.all("script")) == 1
    assert hostile.replace('"', "") in outline.texts("h4")
    assert run.name in outline.texts("h2")
    assert not any(key.startswith("on") for _, attributes in outline.elements for key in attributes)
    assert any(run.name in text for text in outline.texts("text"))


def test_a_run_that_was_not_scored_is_scored_and_says_so(words: Path, tmp_path: Path) -> None:
    run = copied(words, tmp_path)
    shutil.rmtree(run / "results")
    assert "The run was scored when this report was written" in page_of(run, to=tmp_path)
    assert (run / "results" / "test.json").is_file()


def test_what_is_missing_is_told(words: Path, fsdd: Path, tmp_path: Path) -> None:
    run = copied(words, tmp_path)
    config = run / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(str(fsdd.parent), "/nowhere"), encoding="utf-8")
    (run / "environment.json").unlink()
    page = page_of(run, to=tmp_path)
    assert "The recording is not there: " in page
    assert "does not say on what the run was made" in page
    assert not Outline(page).all("audio")
    shutil.rmtree(run / "results")
    page = page_of(run, to=tmp_path)
    assert "There are no scores: " in page
    assert "/nowhere" in page


@pytest.mark.slow
def test_runs_without_steps_or_without_anything_finite_have_a_page(words: Path, tmp_path: Path) -> None:
    run = copied(words, tmp_path)
    (run / "outcome.json").unlink()
    rows = rows_of(run)
    lost = {"loss": None, "norm_before": None, "norm_after": None, "threshold": None, "stepped": False, "shares": []}
    broken = [row | lost | {"reason": "loss"} for row in rows if row["kind"] == "step"]
    for kept, sentence in (
        ([rows[0], *broken], "The training loss was never finite."),
        ([row for row in rows if row["kind"] == "epoch"], "No step is recorded"),
        ([rows[0]], "No step and no epoch is recorded."),
    ):
        write_rows(run, kept)
        page = page_of(run, words, to=tmp_path)
        assert sentence in page
        assert "Training has not come to its end" in page


def test_explanations_are_shown(words: Path, tmp_path: Path) -> None:
    faults = 'training.inject=[{"step": 5, "kind": "nan", "where": "heads.cross_entropy.output.linear"}]'
    overrides = ["training.max_epochs=1", "training.on_nonfinite.loss=skip", faults]
    run = fit(words / "config.yaml", overrides=overrides, output=tmp_path / "run")
    (written,) = (run / "explain").glob("*.json")
    outline = Outline(page_of(run, to=tmp_path))
    assert json.loads(written.read_text(encoding="utf-8"))["verdict"] in outline.texts("p")
    assert any(text.startswith("Step 5: loss nan") for text in outline.texts("h4"))
    assert any(text.startswith("Growth above what is usual") for text in outline.texts("figcaption"))


def test_damaged_results_are_named(words: Path, tmp_path: Path) -> None:
    run = copied(words, tmp_path)
    (run / "results" / "test.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.json.*run eval again"):
        report([run], output=tmp_path / "page.html")


def test_runs_of_the_same_name_are_told_apart(words: Path, tmp_path: Path) -> None:
    page = page_of(copied(words, tmp_path / "a"), copied(words, tmp_path / "b"), to=tmp_path)
    assert Outline(page).texts("h2") == ["Side by side", "a/run", "b/run"]
    assert "All settings are the same." in page


def test_the_command_prints_where_the_page_is(
    words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(words)]) == 0
    assert capsys.readouterr().out == "report.html\n"
    assert (tmp_path / "report.html").is_file()
    assert main(["report", "nowhere"]) == 5
