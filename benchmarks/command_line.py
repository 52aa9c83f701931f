"""What the benchmarks' command lines have in common: their options, and how figures are printed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def options_of(description: str | None, quick: str | None = None) -> argparse.ArgumentParser:
    """A parser of ``--quick`` and ``--format``; ``quick`` says what is left out then."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def add_peers_option(parser: argparse.ArgumentParser) -> None:
    """``--peers``: where the other libraries are installed."""
    parser.add_argument(
        "--peers",
        metavar="PYTHON",
        default=os.environ.get("ASRTRAIN_PEERS", sys.executable),
        help="a Python in whose environment the other libraries are (default: ASRTRAIN_PEERS, or this one)",
    )


def in_a_place_of_its_own(folder: Path) -> dict[str, Any]:
    """Where ``asrtrain`` is started so that ``runs/latest`` stays what it was here: arguments for ``subprocess``."""
    corpora = Path(os.environ.get("ASRTRAIN_CORPORA", "../shared/corpora")).resolve()
    return {"cwd": folder, "env": os.environ | {"OMP_NUM_THREADS": "1", "ASRTRAIN_CORPORA": str(corpora)}}


def show(figures: Mapping[str, float], form: str) -> None:
    """Print figures by name, as lines of text or as JSON."""
    if form == "json":
        print(json.dumps(figures))
    else:
        width = max(map(len, figures), default=0)
        print("\n".join(f"{name:{width}} {figure:9.3f}" for name, figure in figures.items()))
