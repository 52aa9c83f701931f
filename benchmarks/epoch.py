"""An epoch of a whole training run beside other libraries', in one run, each on one thread: CPU time, theirs by ours.

Everything from WAV files to the scores on the test recordings, checkpoints and logs included, from the second epoch on:
``asrtrain fit`` itself, and SpeechBrain, Lightning and Transformers' Trainer (those of them that are in the Python of
``--peers``) as their documentation sets them up and, ``levers``, with what they offer switched on: features made once,
batches of similar length, fused AdamW. ``plain_loop`` is PyTorch without a library, with these levers and its author's.
The same network, data, batch size and recipe for all; epochs take turns. Without ``--quick`` all train to the end, seed
after seed, and what they arrive at in the median stands beside: per cent of digits recognised, per cent of words wrong.
Each is measured by asrtrain in its own precision; ``by_bf16`` is a library as documented, which is fp32, by asrtrain in
bf16.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from command_line import add_peers_option, options_of, show
from race.candidates import Candidate, contenders, precisions
from race.running import Epoch, taking_turns
from race.task import TASKS, Task

Run = Sequence[Epoch]


def measure(task: Task, candidates: Sequence[Candidate], seed: int, python: str, epochs: int) -> dict[Candidate, Run]:
    """So many epochs of every candidate, in turns."""
    with tempfile.TemporaryDirectory() as name, taking_turns() as running:
        folder = Path(name)
        manifests = task.manifests(folder / "manifests", folder / "audio")
        for candidate in candidates:
            running.append(candidate.start(task, manifests, seed=seed, python=python, folder=folder / str(candidate)))
        rounds = []
        for number in range(1, epochs + 1):
            rounds.append([process.epoch() for process in running])
            tell(
                f"{task.name}, seed {seed}, epoch {number} of {epochs}", dict(zip(candidates, rounds[-1], strict=True))
            )
        return dict(zip(candidates, zip(*rounds, strict=True), strict=True))


def tell(when: str, reached: Mapping[Candidate, Epoch]) -> None:
    """How far all are: in an hour somebody may want to know, and who stops it keeps what has been measured."""
    told = ", ".join(f"{candidate} {epoch.metric:.4f} after {epoch.cpu:.1f} s" for candidate, epoch in reached.items())
    print(f"{when}: {told}", file=sys.stderr)


def epoch_seconds(runs: Sequence[Run]) -> float:
    """The median CPU seconds of an epoch, from the second on."""
    return median(after.cpu - before.cpu for run in runs for before, after in pairwise(run))


def figures(task: Task, all_runs: Mapping[Candidate, Sequence[Run]], *, finished: bool) -> Iterator[tuple[str, float]]:
    """What each takes by what asrtrain takes, and where all arrive."""
    ours = {
        candidate.precision: epoch_seconds(runs)
        for candidate, runs in all_runs.items()
        if candidate.library == "asrtrain"
    }
    for candidate, runs in all_runs.items():
        name = f"{task.name}_{candidate}"
        if candidate.library == "asrtrain":
            yield f"{name}_cpu_seconds", ours[candidate.precision]
        else:
            yield name, epoch_seconds(runs) / ours[candidate.precision]
        if candidate.setup == "documented" and candidate.library != "asrtrain" and "bf16" in ours:
            yield f"{name}_by_bf16", epoch_seconds(runs) / ours["bf16"]
        if finished:
            yield f"{name}_{'accuracy' if task.name == 'digits' else 'wer'}", 100 * median(r[-1].metric for r in runs)


def main() -> None:
    parser = options_of(__doc__, "three epochs of each, with one seed")
    parser.add_argument("--seeds", type=int, choices=range(1, 21), default=3, metavar="N", help="from 0 on; default: 3")
    parser.add_argument("--only", choices=tuple(TASKS))
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: fp32, and bf16 if the processor has it")
    add_peers_option(parser)
    options = parser.parse_args()
    found: dict[str, float] = {}
    for name in [options.only] if options.only else TASKS:
        task, wanted = TASKS[name], [options.precision] if options.precision else precisions()
        candidates = [candidate for precision in wanted for candidate in contenders(options.peers, precision)]
        epochs, seeds = (3, 1) if options.quick else (task.epochs, options.seeds)
        runs = [measure(task, candidates, seed, options.peers, epochs) for seed in range(seeds)]
        found |= figures(task, {one: [run[one] for run in runs] for one in candidates}, finished=not options.quick)
    show(found, options.format)


if __name__ == "__main__":
    main()
