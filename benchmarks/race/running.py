"""A training program in a process of its own, watched from outside: nothing in it knows of the clock.

All that is asked of it is a line such as ``epoch 3 … accuracy 0.9867`` after every epoch, on either output.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

_EPOCH = re.compile(r"epoch (\d+).*(?:accuracy|wer) (\d+\.\d+)")
_SCHEDULED = 2
"""Linux's CPUCLOCK_SCHED: the time that a process was on a processor, in nanoseconds."""


@final
@dataclass(frozen=True)
class Epoch:
    """The end of an epoch: CPU and wall seconds since the process began, the test metric, peak memory in MB."""

    cpu: float
    wall: float
    metric: float
    peak: float


@final
class Running:
    """A process that trains; it stands still except during ``epoch``, so that several can take turns."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        environment = os.environ | dict(environment)
        # Beside its log, so that runs/latest stays what it was here.
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=log.parent
        )
        self._signal(signal.SIGSTOP)
        self._wall = 0.0

    def epoch(self) -> Epoch:
        """Let it run to the end of its next epoch. Raises RuntimeError where it ends before."""
        began = time.monotonic()
        self._signal(signal.SIGCONT)
        assert self._process.stdout is not None
        with self._log.open("a", encoding="utf-8") as log:
            for line in self._process.stdout:
                log.write(line)
                if found := _EPOCH.search(line):
                    self._signal(signal.SIGSTOP)
                    self._wall += time.monotonic() - began
                    cpu, peak = self._used()
                    return Epoch(cpu, self._wall, float(found[2]), peak)
        raise RuntimeError(
            f"{self._process.args} ended too early: see\n{self._log.read_text(encoding='utf-8')[-3000:]}"
        )

    def end(self) -> None:
        """End it, however far it is."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        """Not by ``Popen``, which takes note of a process that has ended, and with that of what it used."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def _used(self) -> tuple[float, float]:
        """CPU seconds and peak memory in MB so far, even if this was the last that it did."""
        try:
            seconds = time.clock_gettime((~self._process.pid << 3) | _SCHEDULED)
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
            (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        except (OSError, ValueError):
            _, _, usage = os.wait4(self._process.pid, 0)
            seconds, kilobytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss
        return seconds, int(kilobytes) / 1e3


@contextmanager
def taking_turns() -> Iterator[list[Running]]:
    """A list for processes, which are ended whatever happens."""
    running: list[Running] = []
    try:
        yield running
    finally:
        for process in running:
            process.end()
