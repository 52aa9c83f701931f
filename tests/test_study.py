"""The study's page says what its rows say, the rows say what the runs were, and the runs can be made again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from study.findings import Finding, findings  # noqa: E402
from study.kept import complete, read  # noqa: E402
from study.page import Page  # noqa: E402
from study.plan import Order, everything, quick  # noqa: E402
from study.tables import read_findings, read_runs, write  # noqa: E402
from study.training import make  # noqa: E402

DOCS = ROOT / "docs"
NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?!\w)")
REFERENCE = re.compile(r"\[(r\d+)\]")


@pytest.fixture(scope="module")
def rows() -> dict[str, Finding]:
    return {row.row: row for row in read_findings(DOCS / "study.csv")}


@pytest.fixture(scope="module")
def page() -> str:
    return (DOCS / "study.md").read_text(encoding="utf-8")


def results(page: str) -> Iterator[str]:
    """The lines about results, without what is said beforehand."""
    yield from page[page.index("## In short") : page.index("## What was left out")].splitlines()


def figures(row: Finding) -> set[str]:
    """Every way in which a row's numbers may be written."""
    ends = (row.value, row.low, row.high)
    texts = {form.format(number) for number in ends for form in ("{:.1f}", "{:+.1f}", "{:.0f}", "{:+.2f}")}
    return texts | {str(row.of)}


def test_the_page_is_what_the_rows_make_of_it(page: str) -> None:
    assert page == Page(read_findings(DOCS / "study.csv")).text()


def test_every_figure_in_a_sentence_is_in_the_row_named_after_it(page: str, rows: dict[str, Finding]) -> None:
    checked = 0
    for line in results(page):
        if line.startswith("|") or not (line.startswith("- ") or REFERENCE.search(line)):
            continue
        *told, rest = REFERENCE.split(line)
        assert not NUMBER.findall(rest), f"no row is named for {line}"
        for text, name in zip(told[::2], told[1::2], strict=True):
            numbers = NUMBER.findall(text)
            checked += len(numbers)
            assert set(numbers) <= figures(rows[name]), f"{name} does not say {text} of {line}"
    assert checked > 100


def test_every_figure_in_a_table_is_in_the_rows_named_beside_it(page: str, rows: dict[str, Finding]) -> None:
    checked = 0
    for line in results(page):
        ends = re.search(r"\| r(\d+)–r(\d+) \|$", line)
        if ends is None:
            continue
        own = [rows[f"r{number}"] for number in range(int(ends[1]), int(ends[2]) + 1)]
        known = {f"{row.value:.1f}" for row in own} | {f"{row.value:.0f}/{row.of}" for row in own}
        cells = [cell.strip(" ↑↓") for cell in line[: ends.start()].split("|") if re.search(r"\d", cell)]
        checked += len(cells)
        assert set(cells) <= known, line
    assert checked > 100


def test_a_difference_is_real_only_where_its_interval_leaves_out_zero(rows: dict[str, Finding]) -> None:
    for row in rows.values():
        assert not (row.real == "higher" and row.low <= 0) and not (row.real == "lower" and row.high >= 0), row


@pytest.mark.parametrize("part", ["strings", "vanishing"])
def test_rows_are_what_the_runs_come_to(part: str, rows: dict[str, Finding], tmp_path: Path) -> None:
    write(findings([run for run in read_runs(DOCS / "study_runs.csv") if run.part == part]), tmp_path / "part.csv")
    again = [replace(row, row="") for row in read_findings(tmp_path / "part.csv") if row.part == part]
    assert list(map(str, again)) == [str(replace(row, row="")) for row in rows.values() if row.part == part]


def test_nothing_planned_is_missing_from_the_runs() -> None:
    made = {(r.part, r.model, r.optimizer, r.strategy, r.seed, r.speaker) for r in read_runs(DOCS / "study_runs.csv")}
    assert made == {(o.part, o.model, o.optimizer, o.strategy, o.seed, o.speaker) for o in everything()}


def test_no_real_difference_is_said_where_the_interval_holds_zero() -> None:
    place = ("words", "all", "all", "norm")
    cost = Finding("study", "all", "all", "all", "CPU minutes", 1.0, 2, row="r1")
    for real, told in (("", "no real difference"), ("higher", "better"), ("lower", "worse")):
        row = Finding(*place, "difference in all", 2.0, 15, -1.0, 5.0, real, row="r2")
        assert f"- **norm**: {told}, +2.0 points (-1.0 to +5.0) [r2]." in Page([cost, row]).text()


@pytest.mark.slow
def test_a_stopped_study_goes_on_and_runs_are_repeated_bit_for_bit(
    fsdd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASRTRAIN_CACHE", str(tmp_path / "cache"))
    kept, orders = tmp_path / "runs.jsonl", [Order("words", "MLP", "SGD", name, 0) for name in ("none", "norm")]
    first = complete(orders[:1], kept, workers=1)
    with kept.open("a", encoding="utf-8") as file:
        file.write('{"order": ["cut')
    before = kept.read_text(encoding="utf-8").splitlines()[0]
    both = complete(orders, kept, workers=1)
    assert str(both[0]) == str(first[0])
    assert kept.read_text(encoding="utf-8").splitlines()[0] == before
    assert len(read(kept)) == 2
    again = make(orders[1])
    assert str(replace(again, cpu_seconds=0.0)) == str(replace(both[1], cpu_seconds=0.0))


@pytest.mark.slow
def test_a_small_part_of_the_study_is_run_and_written_up(fsdd: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "study.py"), "--quick", "--output", str(tmp_path)]
    command += ["--kept", str(tmp_path / "runs.jsonl")]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    text = (tmp_path / "study.md").read_text(encoding="utf-8")
    assert text == Page(read_findings(tmp_path / "study.csv")).text()
    assert f"That came to {len(quick())} runs" in text
    assert {path.name for path in tmp_path.glob("*.png")} <= set(re.findall(r"\((\w+\.png)\)", text))
