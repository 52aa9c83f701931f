"""Whether two versions of asrtrain train the same: every shipped configuration, by each, on the same few recordings.

    python benchmarks/same_as.py main .
    python benchmarks/same_as.py HEAD~1 HEAD --only fsdd_lstm fsdd_dnn_hmm
    python benchmarks/same_as.py main . --names acoustic.=encoder. --names linear.=head.linear.

OLD and NEW are folders that hold src/asrtrain, or revisions of this repository. A configuration is trained for two
epochs (Gaussian mixtures for the fewest passes that reach their size) on about 200 recordings of the corpora in
ASRTRAIN_CORPORA, or on tones where a corpus is missing; then the development part is transcribed. Compared are the
weights of the last checkpoint, the transcripts, and the losses in the log. Configurations that need another run train
it first. Each version reads its own configurations, has its own cache, and runs on one thread, both at the same time.

Weights are compared by name; where names have changed, by those of --names, prefix by prefix, or else each with the
most alike one of its shape that has no counterpart yet: so all are equal only if they are the same up to their names.

Exit status 0: all equal. 1: something differs, or failed. What only NEW ships is named, and not compared.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

from same.corpora import write_corpora
from same.recipes import Recipe, in_order
from same.runs import Outcome, Version
from same.trees import ROOT, checked_out
from same.weights import likeness

WIDTHS = (20, 32, 13, 13)


def comparisons(
    versions: tuple[Version, Version], only: list[str], epochs: int, names: Mapping[str, str]
) -> Iterator[tuple[bool, str]]:
    """A row for every configuration, and whether it is the same in both versions."""
    old, new = (version.recipes(epochs) for version in versions)
    unknown = sorted({*only} - {*old})
    if unknown:
        raise SystemExit(f"no configuration {', '.join(unknown)}; there are: {', '.join(old)}")
    wanted = in_order(only or old, old)
    places = {name: f"runs/{name}" for name in wanted}
    for name in wanted:
        places |= old[name].needs
    with ThreadPoolExecutor(2) as both:
        for name in wanted:
            if name not in new:
                yield False, row(name, "only in OLD")
                continue
            recipes = (old[name], new[name])
            yield compared(name, *both.map(attempt, versions, recipes, [places[name]] * 2), names)
    if not only:
        yield from ((True, row(name, "only in NEW: not compared")) for name in new if name not in old)


def attempt(version: Version, recipe: Recipe, output: str) -> Outcome | RuntimeError:
    """What comes of a run, or why nothing did."""
    try:
        return version.run(recipe, output)
    except RuntimeError as error:
        return error


def compared(
    name: str, old: Outcome | RuntimeError, new: Outcome | RuntimeError, names: Mapping[str, str]
) -> tuple[bool, str]:
    """Whether two outcomes are the same, and the row that says so."""
    for which, outcome in (("OLD", old), ("NEW", new)):
        if isinstance(outcome, RuntimeError):
            return False, row(name, f"{which} failed: {outcome}")
    weights = likeness(old.weights, new.weights, names)
    heard = agreeing(old.transcripts, new.transcripts)
    losses = agreeing(old.losses, {key: value for key, value in new.losses.items() if key in old.losses})
    same = weights.equal and all(0 < equal == of for equal, of in (heard, losses))
    counts = (f"{equal} of {of}" for equal, of in (heard, losses))
    return same, row(name, str(weights), *counts, f"{old.seconds:.1f} {new.seconds:.1f}")


def agreeing(old: Mapping, new: Mapping) -> tuple[int, int]:
    """How many entries are equal in both, of how many that are in either."""
    keys = {*old, *new}
    return sum(key in old and key in new and old[key] == new[key] for key in keys), len(keys)


def row(*cells: str) -> str:
    """A line of the table."""
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, (*WIDTHS, 0), strict=False)).rstrip()


def rules(given: list[str]) -> dict[str, str]:
    """``OLD=NEW`` prefixes, each given as such or as a line of a file."""
    lines = [line for one in given for line in ([one] if "=" in one else Path(one).read_text("utf-8").split())]
    pairs = (line.partition("=") for line in lines)
    return {old: new for old, _, new in pairs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="these configurations, and what they need"
    )
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument(
        "--names",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="what weights' names begin with in OLD and in NEW, or a file of such lines",
    )
    options = parser.parse_args()
    corpora = Path(os.environ.get("ASRTRAIN_CORPORA", ROOT.parent / "shared" / "corpora"))
    same = True
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        small = folder / "corpora"
        small.mkdir()
        for missing in write_corpora(corpora, small):
            print(f"{missing} is not in {corpora}: tones stand in for it")
        trees = {
            which: stack.enter_context(checked_out(version, folder / f"tree-{which}"))
            for which, version in (("old", options.old), ("new", options.new))
        }
        old, new = (stack.enter_context(closing(Version(tree, folder / which, small))) for which, tree in trees.items())
        print(row("configuration", "weights", "transcripts", "losses", "seconds (OLD, NEW)"))
        for equal, line in comparisons((old, new), options.only, options.epochs, rules(options.names)):
            print(line, flush=True)
            same = same and equal
    print("all equal" if same else "NOT THE SAME")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
