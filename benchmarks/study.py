"""What clipping does and does not do: a study on spoken digits, run and written up by one command.

``python benchmarks/study.py`` makes every run of ``study/plan.py`` in two processes of one thread each, then writes
docs/study.md, its plots, docs/study.csv (a figure a row) and docs/study_runs.csv (a run a row). Runs are kept in
``runs/study/runs.jsonl`` as they come, and a study that was stopped goes on there. ``--quick`` makes a few runs of
every part and writes beside them. ``--rewrite`` trains nothing, and makes the page anew from docs/study_runs.csv.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from study import tables
from study.findings import findings
from study.kept import complete
from study.page import Page
from study.pictures import draw
from study.plan import everything, quick
from study.training import Run

ROOT = Path(__file__).resolve().parent.parent


def write_up(runs: list[Run], folder: Path) -> None:
    """The runs, what they come to, and the page and plots about that, which see nothing but the rows written."""
    tables.write(runs, folder / "study_runs.csv")
    tables.write(findings(tables.read_runs(folder / "study_runs.csv")), folder / "study.csv")
    rows = tables.read_findings(folder / "study.csv")
    (folder / "study.md").write_text(Page(rows).text(), encoding="utf-8")
    draw(rows, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rewrite", action="store_true")
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    beside = ROOT / "runs" / ("study-quick" if options.quick else "study")
    folder = options.output or (beside if options.quick else ROOT / "docs")
    folder.mkdir(parents=True, exist_ok=True)
    if options.rewrite:
        write_up(tables.read_runs(folder / "study_runs.csv"), folder)
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    orders = quick() if options.quick else everything()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["ASRTRAIN_CACHE"] = cache  # features are computed once, and for this study alone
        runs = complete(orders, options.kept or beside / "runs.jsonl", options.workers)
    write_up(runs, folder)
    print(f"{len(runs)} runs, {sum(run.cpu_seconds for run in runs) / 60:.1f} CPU minutes; see {folder / 'study.md'}")


if __name__ == "__main__":
    main()
