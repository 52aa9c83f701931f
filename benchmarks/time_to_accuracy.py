"""From the start of a process to a goal beside other libraries, with nothing cached: CPU time, ours by theirs.

Interpreter, imports, manifests, features, every epoch's test and checkpoints are in. The goals are 99 % of FSDD's
digits recognised and fewer than 1 % of the words of connected digits wrong, on the test recordings, at the end of an
epoch for the first time. Candidates are those of ``epoch.py`` as documented, and ``plain_loop``; each trains to its
goal by itself, seed after seed, and whoever never gets there counts with all of its epochs. ``start`` is what the
first epoch takes over the later ones, less ``import torch`` right before: seconds. ``peak`` is the largest resident
memory by the goal, ours by theirs. All are fp32, but for ``bf16``: ours in bf16, where the processor has it, by the
same of theirs.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from command_line import add_peers_option, options_of, show
from race.candidates import Candidate, contenders, precisions
from race.running import Epoch, taking_turns
from race.task import TASKS, Split, Task
from timing import import_torch

Run = Sequence[Epoch]


def train(task: Task, manifests: Mapping[Split, Path], candidate: Candidate, seed: int, python: str) -> Run:
    """Its epochs up to the goal, at least two."""
    with tempfile.TemporaryDirectory() as name, taking_turns() as running:
        process = candidate.start(task, manifests, seed=seed, python=python, folder=Path(name) / "run")
        running.append(process)
        epochs: list[Epoch] = []
        while len(epochs) < 2 or (len(epochs) < task.epochs and not any(task.reached(one.metric) for one in epochs)):
            epochs.append(process.epoch())
        return epochs


def cpu_to_goal(task: Task, run: Run) -> float:
    return next((epoch for epoch in run if task.reached(epoch.metric)), run[-1]).cpu


def start_up(run: Run) -> float:
    """What is done before the first batch, and is not done again: CPU seconds."""
    return run[0].cpu - median(after.cpu - before.cpu for before, after in pairwise(run))


def figures(
    task: Task, runs: Mapping[Candidate, Sequence[Run]], torch_alone: Mapping[Candidate, Sequence[float]]
) -> Iterator[tuple[str, float]]:
    """Medians over seeds, ours by each other's; ``torch_alone`` are the seconds of importing it, before each run."""
    others = [candidate for candidate in runs if candidate.library != "asrtrain"]
    for ours in (candidate for candidate in runs if candidate.library == "asrtrain"):
        own, ending = runs[ours], "" if ours.precision == "fp32" else f"_{ours.precision}"
        seconds, peak = median(cpu_to_goal(task, run) for run in own), median(max(e.peak for e in run) for run in own)
        yield f"{task.name}_asrtrain{ending}_cpu_seconds", seconds
        yield f"{task.name}_asrtrain{ending}_epochs", median(len(run) for run in own)
        over = median(start_up(run) - alone for run, alone in zip(own, torch_alone[ours], strict=True))
        yield f"{task.name}_asrtrain{ending}_start_seconds_over_torch", over
        yield f"{task.name}_asrtrain{ending}_peak_megabytes", peak
        for other in others:
            name = f"{task.name}_{other.library}"
            yield f"{name}_cpu_to_goal{ending}", seconds / median(cpu_to_goal(task, run) for run in runs[other])
            yield f"{name}_peak{ending}", peak / median(max(epoch.peak for epoch in run) for run in runs[other])
    for other in others:
        yield f"{task.name}_{other.library}_epochs", median(len(run) for run in runs[other])


def main() -> None:
    parser = options_of(__doc__, "one seed")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=tuple(TASKS))
    add_peers_option(parser)
    options = parser.parse_args()
    chosen = [c for c in contenders(options.peers, "fp32") if c.setup == "documented" or c.library == "plain_loop"]
    chosen += [Candidate("asrtrain", "documented", precision) for precision in precisions() if precision != "fp32"]
    found = dict[str, float]()
    for name in [options.only] if options.only else TASKS:
        task, runs = TASKS[name], defaultdict[Candidate, list[Run]](list)
        torch_alone = defaultdict[Candidate, list[float]](list)
        with tempfile.TemporaryDirectory() as folder:
            manifests = task.manifests(Path(folder) / "manifests", Path(folder) / "audio")
            for seed in range(1 if options.quick else options.seeds):
                for candidate in chosen:
                    if candidate.library == "asrtrain":
                        torch_alone[candidate].append(median(import_torch() for _ in range(3)))
                    runs[candidate].append(train(task, manifests, candidate, seed, options.peers))
                    print(name, candidate, seed, *runs[candidate][-1][-1:], file=sys.stderr)
        found |= figures(task, runs, torch_alone)
    show(found, options.format)


if __name__ == "__main__":
    main()
