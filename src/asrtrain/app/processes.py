"""Several processes of this machine that train one model together, as ``torchrun --standalone`` would start them."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryFile
from types import FrameType
from typing import IO

from torch.distributed import TCPStore  # type: ignore[attr-defined]

from asrtrain.app.counts import check_count
from asrtrain.errors import AsrtrainError, CheckpointError, DataError, Interrupted, TrainingError, UsageError
from asrtrain.terminal import say

_ERRORS: dict[int, type[AsrtrainError]] = {
    error.exit_code: error for error in (UsageError, DataError, CheckpointError, Interrupted)
}
_GRACE = 10.0
"""Seconds that processes have to end by themselves when one of them has failed."""
_NOTICING = 3.0
"""Seconds within which the others notice, or the one that they have noticed has ended too."""

Process = subprocess.Popen[bytes]


def leads() -> bool:
    """Whether this process speaks for all that ``torchrun`` has started."""
    return os.environ.get("RANK", "0") == "0"


def check_together(count: int) -> None:
    """Raise UsageError if so many processes cannot be started."""
    check_count("--nproc", count)
    if "WORLD_SIZE" in os.environ:
        raise UsageError("--nproc starts processes itself: leave it away under torchrun")


def run_processes(count: int, arguments: Sequence[str]) -> str:
    """Run ``asrtrain`` with these arguments in ``count`` processes; returns what the first one prints.

    Signals reach them all. If one fails, the others are ended, and what it failed with is raised; it has told why. What
    others than the first say is told only of the one that was the cause: most of it is what the first says.
    """
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    together = {
        "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(meeting.port), "TORCHELASTIC_USE_AGENT_STORE": "True",
    }  # fmt: skip
    command = [sys.executable, "-m", "asrtrain", *arguments]
    processes: list[Process] = []
    with ExitStack() as files, _passing_signals_to(processes):
        kept = [files.enter_context(TemporaryFile("w+", errors="replace")) for _ in range(count)]
        try:
            for rank, file in enumerate(kept):
                own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
                environment = {**os.environ, **together, **own}
                output, errors = (None, file) if rank else (file, None)
                process = subprocess.Popen(command, env=environment, stdout=output, stderr=errors)  # noqa: S603 - our own
                processes.append(process)
            cause = _wait(processes)
        finally:
            _end(processes)
        if cause is None:
            return _content(kept[0])
        code, rank = cause
        if rank:
            say(_content(kept[rank]).rstrip())
        raise _failure(rank, count, code)


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _wait(processes: Sequence[Process]) -> tuple[int, int] | None:
    """Until all have ended, or some time after one has failed: the exit code and the rank of the one to blame."""
    until = math.inf
    failed: list[int] = []  # in the order in which they ended
    while True:
        codes = [process.poll() for process in processes]
        failed += [rank for rank, code in enumerate(codes) if code and rank not in failed]
        if None not in codes or time.monotonic() > until:
            break
        if failed:
            until = min(until, time.monotonic() + _NOTICING)
        time.sleep(0.02)
    # Those that fail because another has gone are training errors, whose cause is the first. Whoever failed otherwise
    # comes before them, and what all complain of is told by the lowest rank.
    others = [(codes[rank] or 0, rank) for rank in sorted(failed) if codes[rank] != TrainingError.exit_code]
    return next(iter(others or [(TrainingError.exit_code, rank) for rank in failed]), None)


def _failure(rank: int, count: int, code: int) -> AsrtrainError:
    which = f"process {rank} of {count}"
    if code < 0:
        by = signal.Signals(-code).name
        return TrainingError(f"{which} was ended by {by}; run the same command again to continue where it was saved")
    return _ERRORS.get(code, TrainingError)(f"{which} ended with exit code {code}, for the reason above")


def _end(processes: Sequence[Process]) -> None:
    """Let all end, by themselves if they can."""
    until = time.monotonic() + _GRACE
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _passing_signals_to(processes: Sequence[Process]) -> Iterator[None]:
    """Ctrl-C and SIGTERM are for the processes to answer: they save and end."""

    def pass_on(number: int, frame: FrameType | None) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
