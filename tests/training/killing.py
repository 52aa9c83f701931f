"""Runs a training in a child process, again and again, and kills it: a program, so that torch is imported once.

``python killing.py RUN CACHE RECORDINGS moments SEED COUNT`` kills at COUNT random moments. In place of RECORDINGS it
takes a configuration file, and then runs the command line, ``asrtrain fit``.
``python killing.py RUN CACHE RECORDINGS calls NUMBER…`` lets a child kill itself at a call that changes a file or a
folder, in RUN/NUMBER: at call NUMBER // 2, before it if the number is even and after it if it is odd; without numbers
at every call, one after the other. Either way a last child finishes.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.utils.tensorboard  # here, so that no child has to
import training_recipe
from tqdm import tqdm

from asrtrain import app, cli
from asrtrain.training import TrainingConfig, train

assert app.fit  # imported here, so that no child has to
CALLS: list[tuple[Any, str]] = [
    (os, "fsync"), (os, "truncate"), (Path, "replace"), (Path, "unlink"), (Path, "mkdir"), (Path, "symlink_to"),
    (shutil, "rmtree"),
]  # fmt: skip


def warm_up(folders: list[Path]) -> None:
    """Do here what every child would have to do first; no backward pass, which does not go with forking."""
    if is_config(folders[2]):
        os.environ["ASRTRAIN_CACHE"] = str(folders[1])
        cli.main(["fit", str(folders[2]), "--output", str(folders[0]), "--dry-run"])
        return
    parts = training_recipe.ingredients(folders[2], folders[1], TrainingConfig(batch_size=8))
    with torch.no_grad():
        parts.validate(parts.model)


def is_config(path: Path) -> bool:
    return path.suffix == ".yaml"


def start(folders: list[Path], prepare: Callable[[], None]) -> int:
    """Fork a child that trains; returns its process id."""
    child = os.fork()
    if child:
        return child
    try:
        # The bars' lock is shared with every other child, and one that is killed would hold it for ever.
        tqdm.set_lock(threading.RLock())
        prepare()
        if is_config(folders[2]):
            os._exit(cli.main(["fit", str(folders[2]), "--output", str(folders[0])]))
        training_recipe.run(*folders)
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def finished(child: int) -> bool:
    """Wait for a child: True if it ended well, False if it was killed; anything else ends this program."""
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    if os.WEXITSTATUS(status):
        sys.exit(f"a child ended with {status}")
    return True


def start_and_wait(folders: list[Path]) -> tuple[int, int]:
    """Fork a child and wait until it begins the training proper, or ends without.

    Returns its process id, and a pipe from which another byte comes when it has trained.
    """
    ready, begun = os.pipe()

    def prepare() -> None:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            os.write(begun, b".")
            outcome = train(*args, **kwargs)
            os.write(begun, b".")
            return outcome

        training_recipe.train = wrapper
        sys.modules["asrtrain.app.fit"].train = wrapper  # type: ignore[attr-defined]

    child = start(folders, prepare)
    os.close(begun)
    os.read(ready, 1)
    return child, ready


def kill_at_moments(folders: list[Path], seed: int, count: int) -> None:
    """Kill at random moments of the training proper, ``count`` times in a row.

    A child that is faster has finished: its work is thrown away, and all begins anew.
    """
    moments, killed = random.Random(seed), 0
    child, trained = start_and_wait([folders[0].with_name("timed"), *folders[1:]])
    began = time.monotonic()
    os.read(trained, 1)
    whole = time.monotonic() - began
    finished(child)
    while killed < count:
        child, trained = start_and_wait(folders)
        time.sleep(moments.uniform(0.0, 0.4 * whole))
        os.kill(child, signal.SIGKILL)
        os.close(trained)
        killed += 1
        if finished(child):
            shutil.rmtree(folders[0])
            killed = 0


def finish(folders: list[Path]) -> None:
    """Let a child come to the end."""
    if not finished(start(folders, lambda: None)):
        sys.exit("somebody else killed the last child")


def die_at_call(number: int) -> Callable[[], None]:
    """What makes a child kill itself at a certain call."""

    def prepare() -> None:
        made = 0

        def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                nonlocal made
                made += 1
                chosen = made == number // 2 + 1
                if chosen and number % 2 == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                answer = call(*args, **kwargs)
                if chosen:
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer

            return wrapper

        for owner, name in CALLS:
            setattr(owner, name, deadly(getattr(owner, name)))

    return prepare


def main() -> None:
    torch.set_num_threads(1)
    folders = [Path(argument) for argument in sys.argv[1:4]]
    warm_up(folders)
    if sys.argv[4] == "moments":
        kill_at_moments(folders, int(sys.argv[5]), int(sys.argv[6]))
        finish(folders)
        return
    for number in map(int, sys.argv[5:]) if sys.argv[5:] else itertools.count():
        one = [folders[0] / str(number), *folders[1:]]
        if finished(start(one, die_at_call(number))):
            break
        finish(one)


if __name__ == "__main__":
    main()
