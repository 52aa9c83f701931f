"""What the benchmarks' command lines have in common: their options, and how figures are printed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping


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


def show(figures: Mapping[str, float], form: str) -> None:
    """Print figures by name, as lines of text or as JSON."""
    if form == "json":
        print(json.dumps(figures))
    else:
        width = max(map(len, figures), default=0)
        print("\n".join(f"{name:{width}} {figure:9.3f}" for name, figure in figures.items()))
