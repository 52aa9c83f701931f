"""The processes that train one model together, and everything that they tell each other."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, final

import torch
import torch.distributed as dist
from torch import nn

from asrtrain.errors import TrainingError, UsageError

N = TypeVar("N", int, None)

_STEP = timedelta(minutes=30)
"""In a step nobody waits that long, unless a host is gone without a word: switched off, or its cable pulled."""
DIFFERENT = (
    "the processes of this run do not begin with the same weights: let all read the same run folder, on the same "
    "versions of asrtrain and PyTorch"
)
_PATIENCE = timedelta(hours=12)
"""Processes wait while the first reads all recordings for the first time, and when they validate; one that ends is
noticed."""


@final
class World:
    """This process's place (``rank``, from 0) among ``size`` of them; alone unless said otherwise.

    Every method is called by all processes at the same place, and raises TrainingError if one of them has ended.
    """

    def __init__(self, rank: int = 0, size: int = 1, patient: dist.ProcessGroup | None = None) -> None:
        """``patient`` are the same processes as the default group's, who wait for the first as long as it takes."""
        self.rank, self.size = rank, size
        self._patient = patient

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    @property
    def ranks(self) -> range:
        """The numbers of all processes."""
        return range(self.size)

    @torch.no_grad()
    def sum_gradients(
        self, parameters: Iterable[nn.Parameter], numbers: torch.Tensor, meanwhile: Callable[[], None]
    ) -> torch.Tensor:
        """Sum gradients in place, and ``numbers`` (n,) on the way, in one all-reduce; returns the numbers.

        A parameter without a gradient adds zeros, and has one afterwards. ``meanwhile`` is called while the others are
        waited for.
        """
        if self.size == 1:
            return numbers
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), numbers])
        reduced = self._begin(flat)
        meanwhile()
        reduced()
        *summed, numbers = torch.split(flat, [*(gradient.numel() for gradient in gradients), len(numbers)])
        torch._foreach_copy_(gradients, [s.view(g.shape) for s, g in zip(summed, gradients, strict=True)])
        return numbers

    def sum(self, numbers: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        total = numbers.clone()
        self._reduce(total)
        return total

    def any(self, flag: bool) -> bool:
        """Whether it is true in any process; it never waits for a GPU."""
        return self.soon(lambda: flag)()

    def soon(self, flag: Callable[[], bool]) -> Callable[[], bool]:
        """Begin to ask whether it is true in any process; what is returned waits for the answer, the same in all.

        A single process looks when the answer is wanted.
        """
        if self.size == 1:
            return flag
        asked = torch.tensor(float(flag()))
        reduced = self._begin(asked)

        def answer() -> bool:
            reduced()
            return bool(asked > 0)

        return answer

    def from_leader(self, value: Any) -> Any:  # noqa: ANN401 - anything that JSON can hold
        """The first process's value, of JSON's types, in all of them."""
        return self.from_each(value if self.leads else None)[0]

    def take_from_leader(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give all processes the first one's tensors, in place."""
        if self.size == 1:
            return
        with _reaching_the_others():
            for tensor in tensors:
                dist.broadcast(tensor, 0, group=self._patient)

    def from_each(self, value: Any) -> list[Any]:  # noqa: ANN401 - anything that JSON can hold
        """The values of all processes, of JSON's types, in the order of their ranks."""
        if self.size == 1:
            return [value]
        letters = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        lengths = [int(length) for length in self._gather(torch.tensor(len(letters)), self._patient)]
        own = torch.nn.functional.pad(letters, (0, max(lengths) - len(letters)))
        rows = zip(self._gather(own, self._patient), lengths, strict=True)
        return [json.loads(row[:length].numpy().tobytes()) for row, length in rows]

    def gather(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """The tensors of all processes, of one shape, in their order."""
        return self._gather(tensor)

    def _gather(self, tensor: torch.Tensor, group: dist.ProcessGroup | None = None) -> list[torch.Tensor]:
        places = torch.zeros(self.size, *tensor.shape, dtype=tensor.dtype)
        places[self.rank] = tensor
        self._reduce(places, group)
        return list(places)

    def check_same(self, tensors: Mapping[str, torch.Tensor], complaint: str) -> None:
        """Raise TrainingError with this complaint unless all processes have the same bits."""
        if self.size == 1:
            return
        own = torch.tensor(list(fingerprint(tensors)))
        if self.any(bool((self.sum(own) != self.size * own).any())):
            raise TrainingError(complaint)

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """The others enter when the first process has left, and find in the caches what it has put there."""
        if not self.leads:
            self._reduce(torch.zeros(()), self._patient)
        yield
        if self.leads:
            self._reduce(torch.zeros(()), self._patient)

    @contextmanager
    def needed(self) -> Iterator[None]:
        """Let what models and PyTorch tell other processes by themselves fail as this world does, if one has ended."""
        try:
            yield
        except RuntimeError as error:
            if self.size > 1 and (isinstance(error, dist.DistError) or "gloo" in str(error)):
                raise _lost(error) from error
            raise

    def _reduce(self, tensor: torch.Tensor, group: dist.ProcessGroup | None = None) -> None:
        if self.size > 1:
            self._begin(tensor, group)()

    def _begin(self, tensor: torch.Tensor, group: dist.ProcessGroup | None = None) -> Callable[[], None]:
        """Begin to sum a tensor in place; what is returned waits for the end."""
        with _reaching_the_others():
            work = dist.all_reduce(tensor, group=group, async_op=True)

        def wait() -> None:
            with _reaching_the_others():
                work.wait()

        return wait


@contextmanager
def _reaching_the_others() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise _lost(error) from error


def _lost(error: RuntimeError) -> TrainingError:
    return TrainingError(
        "another process of this run has ended or cannot be reached; look at its own last words, and run the same "
        f"command again to continue ({str(error).splitlines()[0]})"
    )


@contextmanager
def joined_world() -> Iterator[World]:
    """Join the processes that ``torchrun``, or anything that sets the same variables, has started; or be alone."""
    if _number("WORLD_SIZE", 1) == 1 or dist.is_initialized():
        yield World()
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        dist.init_process_group(backend, timeout=_STEP)
        patient = dist.new_group(timeout=_PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"the processes of this run do not find each other: {error}") from error
    try:
        yield World(dist.get_rank(), dist.get_world_size(), patient)
    finally:
        dist.destroy_process_group()  # its threads would abort the process at its end


def local_rank() -> int | None:
    """This process's place among those of the same machine; None if it was started alone."""
    return _number("LOCAL_RANK", None)


def _number(variable: str, otherwise: N) -> int | N:
    """A number that a launcher has put into the environment. Raises UsageError for what is none."""
    written = os.environ.get(variable)
    if written is None:
        return otherwise
    if not (written.isascii() and written.isdigit()):
        raise UsageError(f"the environment variable {variable} is {written!r}, and no number of processes: unset it")
    return int(written)


def fingerprint(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """A hash of names and bits, in whatever order they come, as files have none."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.digest()
