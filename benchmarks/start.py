"""From the start of ``asrtrain fit`` to its first batch: CPU seconds, less those of a process that only imports torch.

On the recordings of ``epoch.py``, one thread. ``first_batch`` is with nothing cached: all recordings are read and all
features made, which is most of it. ``first_batch_again`` finds them in the cache. Both and the import take turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from command_line import options_of, show
from race.candidates import ONE_THREAD
from race.task import TASKS, Task
from timing import import_torch, medians

PROGRAM = Path(__file__).resolve().parent / "race" / "first_batch.py"


def first_batch(config: Path, run: Path, cache: Path) -> float:
    """CPU seconds of ``asrtrain fit`` up to its first batch. Raises RuntimeError where it fails."""
    environment = os.environ | ONE_THREAD | {"ASRTRAIN_CACHE": str(cache)}
    command = [sys.executable, str(PROGRAM), "fit", str(config), "--output", str(run)]
    # Beside its run, so that runs/latest stays what it was here.
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=run.parent)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stderr}")
    return float(done.stdout.splitlines()[-1])


def measure(task: Task, folder: Path, rounds: int) -> dict[str, float]:
    """Medians of ``rounds`` starts of each kind, after one that warms up."""
    manifests = task.manifests(folder / "manifests", folder / "audio")
    config = folder / "config.yaml"
    config.write_text(task.configuration(manifests, "fp32"), encoding="utf-8")

    def start(cache: Path) -> float:
        return first_batch(config, Path(tempfile.mkdtemp(dir=folder)) / "run", cache)

    found = medians(
        {
            "import_torch": import_torch,
            "first_batch": lambda: start(Path(tempfile.mkdtemp(dir=folder))),
            "first_batch_again": lambda: start(folder / "kept"),
        },
        rounds,
    )
    alone = found.pop("import_torch")
    over = {f"{task.name}_{name}_seconds_over_torch": value - alone for name, value in found.items()}
    return {f"{task.name}_import_torch_seconds": alone, **over}


def main() -> None:
    parser = options_of(__doc__, "one start of each kind in place of five")
    parser.add_argument("--only", choices=tuple(TASKS))
    options = parser.parse_args()
    found: dict[str, float] = {}
    for name in [options.only] if options.only else TASKS:
        with tempfile.TemporaryDirectory() as folder:
            found |= measure(TASKS[name], Path(folder), 1 if options.quick else 5)
    show(found, options.format)


if __name__ == "__main__":
    main()
