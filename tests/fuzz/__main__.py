"""Damage inputs of one kind for a while, and say what came of it.

``python -m tests.fuzz run --seconds 600``

The case of a number is the same whenever it is tried: ``--only 1234`` tries it alone.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import torch

from tests.fuzz.targets import TARGETS, seeded


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="N", help="try the case of this number alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        outcomes, faults = _tried(options, Path(folder))
    print(f"{options.target}: {sum(outcomes.values())} cases, seed {options.seed}, {time.process_time():.0f} CPU s")
    for outcome, times in outcomes.most_common():
        print(f"  {times:7d}  {outcome}")
    return int(bool(faults))


def _tried(options: argparse.Namespace, folder: Path) -> tuple[Counter[str], Counter[str]]:
    target = TARGETS[options.target](folder)
    outcomes, faults = Counter[str](), Counter[str]()
    number = options.only or 0
    while time.process_time() < options.seconds:
        try:
            outcomes[target.case(seeded(options.target, options.seed, number))] += 1
        except Exception as error:
            outcomes[f"FAULT {type(error).__name__}"] += 1
            where = str(traceback.extract_tb(error.__traceback__)[-1])
            if not faults[where]:
                print(f"case {number}: {traceback.format_exc(limit=-4)[-4000:]}", file=sys.stderr, flush=True)
            faults[where] += 1
        if options.only is not None:
            break
        number += 1
    return outcomes, faults


if __name__ == "__main__":
    sys.exit(main())
