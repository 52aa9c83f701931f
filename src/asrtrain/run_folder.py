"""Run folders: where they are, what they are called, who writes to them, and which one is the latest.

runs/fsdd_cnn-20261121-101500/   config.yaml, tokens.txt, metrics.jsonl, …
runs/latest                      a link to the newest, also where that lies elsewhere
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from asrtrain.config import dump_config, load_config
from asrtrain.errors import CheckpointError, UsageError
from asrtrain.files.names import safe_name
from asrtrain.files.reading import LARGEST_SETTINGS, read_file, read_text
from asrtrain.files.sealed import seal
from asrtrain.files.writing import clear_leavings, point
from asrtrain.run_config import RunConfig
from asrtrain.terminal import say
from asrtrain.training.durable import write_file
from asrtrain.training.lock import exclusive, forget, is_held

CONFIG = "config.yaml"
DATA = "data.sha256"
TOKENS = "tokens.txt"
OUTCOME = "outcome.json"
LATEST = "latest"
RUNS = Path("runs")
"""Where commands look for the newest run, whichever its output_dir was."""
_ROOM = 30
"""Bytes of a folder's name that are left for date, time and number."""


def new_folder(config: RunConfig, name: str) -> Path:
    """A folder that is not there yet: ``<output_dir>/<name>-<date>-<time>``, numbered where two runs start at once."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    base = config.output_dir / f"{safe_name(name, _ROOM)}-{stamp}"
    number = 1
    folder = base
    while folder.exists():
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder


def unfinished_folder(config: RunConfig, name: str) -> Path | None:
    """The newest stopped run of the same configuration file and with the same configuration, if there is one.

    Runs that came to their end, or that another process is at, do not hide it, however new they are.
    """
    own_name = re.compile(re.escape(safe_name(name, _ROOM)) + r"-(\d{8}-\d{6})(?:-(\d+))?")
    found = {path.parent: own_name.fullmatch(path.parent.name) for path in config.output_dir.glob(f"*/{CONFIG}")}
    began = {folder: (match[1], int(match[2] or 1)) for folder, match in found.items() if match}
    for folder in sorted(began, key=began.__getitem__, reverse=True):
        if _holds(folder, config) and not is_finished(folder) and not is_held(folder):
            return folder
    return None


def is_run(folder: Path) -> bool:
    """Whether this is a run folder, and no folder of recordings in which somebody keeps a config.yaml too."""
    return (folder / CONFIG).is_file() and (folder / "checkpoints").is_dir()


def is_finished(folder: Path) -> bool:
    """Whether training came to its end."""
    return (folder / OUTCOME).is_file()


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the folder, which is made if need be, so that two starts at once do not write into it both.

    Raises UsageError if another process holds it, or if it holds other files than a run's.
    """
    _check_own(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the run folder {folder} cannot be made: {error.strerror}; choose another output_dir, or --output"
        ) from error
    with exclusive(folder):
        clear_leavings(folder)
        yield


@contextmanager
def started(folder: Path, config: RunConfig, data: str) -> Iterator[None]:
    """Write the resolved configuration and the data's fingerprint into a folder that is ``claimed``, before what is
    done here can go wrong; a new run is taken back if it does, so that an empty folder is not taken for a run.

    Both must be the same when the run is taken up again: other data would make other batches of the same numbers.
    Raises UsageError if the folder belongs to another run, or to none.
    """
    check(folder, config, data)
    new = not (folder / CONFIG).exists()
    write_file(folder / CONFIG, dump_config(config).encode())
    write_file(folder / DATA, f"{data}\n".encode())
    try:
        yield
    except BaseException:  # Ctrl-C too
        if new:
            (folder / CONFIG).unlink()
            (folder / DATA).unlink()
            with suppress(OSError):  # somebody else has put something there; Windows keeps the lock that is held
                forget(folder)
                folder.rmdir()
        raise


def check(folder: Path, config: RunConfig, data: str) -> None:
    """Raise UsageError if the folder belongs to another run, or to none."""
    _check_own(folder)
    if not (folder / CONFIG).is_file():
        return
    check_config(folder, config)
    if (folder / DATA).exists():
        held = read_file(folder / DATA, LARGEST_SETTINGS, CheckpointError).decode(errors="replace")
        _check_data(folder, held.strip(), data)


def _check_own(folder: Path) -> None:
    # Hidden files are ours: the lock, and what a kill left of a file half written.
    others = folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir())
    if others and not (folder / CONFIG).is_file():
        raise UsageError(f"{folder} is not empty and holds no run; choose another --output")


def _check_data(folder: Path, held: str, data: str) -> None:
    if re.fullmatch("[0-9a-f]{64}", held):
        message = f"{folder} was begun by an older asrtrain: whether its recordings have changed since is not known"
        say(message)
    elif held != data:
        raise UsageError(
            f"{folder} holds a run on other data: recordings or texts have changed since it was started; "
            "put them back, choose another --output, or begin a new run with --resume never"
        )


def check_config(folder: Path, config: RunConfig) -> None:
    """Raise UsageError if the run in the folder has another configuration."""
    if not _holds(folder, config):
        differing = ", ".join(_differences(load_config(folder / CONFIG, RunConfig), config))
        raise UsageError(f"{folder} holds a run with another configuration ({differing}); choose another --output")


def finish(folder: Path, outcome: Mapping[str, Any]) -> None:
    """Write down that training came to its end, and how."""
    write_file(folder / OUTCOME, seal(outcome).encode())


def point_latest_to(folder: Path, output_dir: Path) -> None:
    """Let ``latest`` in ``output_dir`` point to the folder, wherever that is; readers never find it missing.

    Raises OSError where that cannot be written.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    clear_leavings(output_dir)
    point(output_dir / LATEST, Path(os.path.relpath(folder.resolve(), output_dir.resolve())))


def find(run: Path | None) -> Path:
    """The run folder that the user means: the given one, or ``runs/latest``, which is then named on standard error.

    Raises CheckpointError.
    """
    folder = run if run is not None else RUNS / LATEST
    if not (folder / CONFIG).is_file():
        hint = "train one with: asrtrain fit CONFIG" if run is None else "give the folder that asrtrain fit printed"
        raise CheckpointError(f"{folder} is no run folder (it has no {CONFIG}); {hint}")
    if run is None:
        say(f"the newest run: {folder.resolve()}")
    return folder.resolve()


def read_config(folder: Path) -> RunConfig:
    """The configuration that the run was made with."""
    return load_config(folder / CONFIG, RunConfig)


def _holds(folder: Path, config: RunConfig) -> bool:
    """Whether a run has this configuration; keys that it was written without have their default value in both.

    What is left to be measured is so in any run.
    """
    if read_text(folder / CONFIG, LARGEST_SETTINGS, CheckpointError) == dump_config(config):
        return True
    try:
        held = load_config(folder / CONFIG, RunConfig)
        return held == config.decided_as(held)
    except UsageError:
        return False  # of another version, or changed by hand


def _differences(old: RunConfig, new: RunConfig) -> Iterator[str]:
    before, after = flattened(old.model_dump(mode="json")), flattened(new.model_dump(mode="json"))
    return (key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key))


def flattened(tree: object, path: str = "") -> dict[str, Any]:
    """The leaves of a tree of mappings by their dotted keys."""
    if not isinstance(tree, dict):
        return {path: tree}
    return {k: v for key, value in tree.items() for k, v in flattened(value, f"{path}.{key}" if path else key).items()}
