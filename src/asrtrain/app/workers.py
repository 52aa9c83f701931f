"""Work that several processes of this machine do in turn, answered in order."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, final

from asrtrain.app.counts import check_count
from asrtrain.app.threads import use_threads_deliberately
from asrtrain.errors import AsrtrainError, TrainingError

_AHEAD = 2
"""Items that a process has been given and nobody has asked for yet: enough that none waits, and no more to hold."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_order(count: int, build: Callable[[], Callable[[Item], Answer]], items: Iterable[Item]) -> Iterator[Answer]:
    """The answers to all items, in their order, as they are ready; item k is process k mod ``count``'s.

    Every process calls ``build`` once, and what it returns for each item. It begins by importing the program that calls
    this, which must therefore do nothing when it is imported. However many items there are, a few answers are held.
    Raises what they raise of AsrtrainError, UsageError for an impossible count, TrainingError if a process is ended.
    """
    check_count("--nproc", count)
    if count == 1:
        yield from map(build(), items)
        return
    with _started(count, build) as workers:
        turns, asked = cycle(workers), deque[_Worker]()
        for item in items:
            if len(asked) == _AHEAD * count:
                yield asked.popleft().answer()
            worker = next(turns)
            worker.ask(item)
            asked.append(worker)
        while asked:
            yield asked.popleft().answer()


@final
@dataclass(frozen=True, slots=True)
class _Worker:
    """One of the processes, and the line to it."""

    name: str
    process: BaseProcess
    line: Connection

    def ask(self, item: object) -> None:
        with suppress(OSError):  # it has ended; what it was asked for before says why
            self.line.send(item)

    def answer(self) -> Any:  # noqa: ANN401 - pipes know no types
        """The next one. Raises what it was answered with, if that is an error."""
        try:
            answer = self.line.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if isinstance(answer, AsrtrainError):
            raise answer
        return answer

    def _lost(self) -> TrainingError:
        self.process.join()
        code = self.process.exitcode or 0
        by = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return TrainingError(f"{self.name} {by}; what was written before it stands")


@contextmanager
def _started(count: int, build: Callable[[], Callable[[Item], Answer]]) -> Iterator[list[_Worker]]:
    context = get_context("spawn")  # forking a process that has used torch's threads may hang
    workers: list[_Worker] = []
    try:
        for rank in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(rank, theirs, build), daemon=True)
            with _interrupts_held():
                process.start()
            theirs.close()
            workers.append(_Worker(f"process {rank} of {count}", process, ours))
        yield workers
    finally:
        for worker in workers:
            worker.line.close()
            worker.process.terminate()
            worker.process.join()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C comes later to this process, and not at all to those begun here, which inherit that until they ignore it:
    else each would print a traceback out of its imports.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # when it begins, it lets signals through again
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _serve(rank: int, line: Connection, build: Callable[[], Callable[[Item], Answer]]) -> None:
    """What a process does until the line is cut: answer, or say what it could not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who has started it is told, and ends it
    os.environ["LOCAL_RANK"] = str(rank)  # one GPU a process
    use_threads_deliberately()
    try:
        work = build()
        while True:
            line.send(work(line.recv()))
    except AsrtrainError as error:
        line.send(error)
    except (EOFError, OSError):
        return
