"""Two hosts on one machine: each with processes and a network of its own, joined by one cable.

Made of Linux namespaces, which most machines let everybody make; what is killed in one is gone from there alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import pytest

_FIRST = ["unshare", "--user", "--map-root-user"]
"""One set of users for both, so that a cable can be put between them."""
_OWN = ["unshare", "--net", "--pid", "--uts", "--fork", "--kill-child"]


@final
@dataclass
class Host:
    """A host: ``init`` is its first process, without which the others end; ``cable`` is its end of the cable."""

    init: int
    cable: str
    address: str
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Run a command there."""
        process = subprocess.Popen(
            [*self._inside("--pid"), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    def do(self, *command: str) -> None:
        """Run a command that takes no time."""
        subprocess.run([*self._inside(), *command], check=True, capture_output=True)

    def kill(self) -> None:
        """All its processes end at once, by SIGKILL."""
        os.kill(self.init, signal.SIGKILL)
        for process in self.started:
            process.communicate()

    def _inside(self, *more: str) -> list[str]:
        return ["nsenter", "--target", str(self.init), "--user", "--net", "--uts", *more, "--preserve-credentials"]


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """10.99.0.1 and 10.99.0.2; the test is skipped where namespaces are not permitted."""
    holders: list[subprocess.Popen[bytes]] = []
    try:
        west = Host(_init([*_FIRST, *_OWN[1:]], holders), "west", "10.99.0.1")
        users = ["nsenter", "--target", str(west.init), "--user", "--preserve-credentials"]
        east = Host(_init([*users, *_OWN], holders), "east", "10.99.0.2")
        ends = ["name", "west", "type", "veth", "peer", "name", "east", "netns", str(east.init)]
        west.do("ip", "link", "add", *ends)
        for host, other in ((west, east), (east, west)):
            host.do("hostname", host.address)  # a name that needs no server of names
            # The cable goes when one host does; the other keeps its address, as it would if it had a switch before it.
            host.do("ip", "address", "add", f"{host.address}/32", "dev", "lo")
            for device in ("lo", host.cable):
                host.do("ip", "link", "set", device, "up")
            host.do("ip", "route", "add", other.address, "dev", host.cable, "src", host.address)
    except (OSError, subprocess.CalledProcessError) as error:
        _end(holders)
        pytest.skip(f"this machine permits no network namespaces: {error}")
    try:
        yield west, east
    finally:
        _end(holders)
        for host in (west, east):
            for process in host.started:
                process.communicate()


def _init(command: Sequence[str], holders: list[subprocess.Popen[bytes]]) -> int:
    """Start the first process of a host; returns its number out here."""
    waiting = ["sh", "-c", "echo ready; exec sleep infinity"]
    holder = subprocess.Popen([*command, *waiting], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    holders.append(holder)
    assert holder.stdout is not None
    if holder.stdout.readline() != b"ready\n":
        raise OSError("unshare has failed")
    return int(Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text(encoding="utf-8").split()[0])


def _end(holders: Sequence[subprocess.Popen[bytes]]) -> None:
    for holder in holders:
        holder.kill()
        holder.communicate()
