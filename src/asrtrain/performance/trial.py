"""Forward and backward passes of the run's own model on its own batches, set up in several ways, side by side."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from asrtrain.performance.setup import Setup, using
from asrtrain.recogniser import Recogniser
from asrtrain.types import Batch, Losses

_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
_FEWEST, _MOST = 3, 20
"""Rounds: the first warms up."""


@final
@dataclass(frozen=True, slots=True)
class Difference:
    """How far loss and gradient of one setup are from another's: relative loss, and cosine of the gradients."""

    loss: float
    cosine: float

    def within(self, limit: Difference) -> bool:
        """Whether it is no larger; what is not a number is."""
        return self.loss <= limit.loss and self.cosine >= limit.cosine

    def __str__(self) -> str:
        return f"loss differs by {100 * self.loss:.2g} %, the gradient's cosine is {self.cosine:.5f}"


@final
class Trial:
    """Passes of a copy of the model: nothing that is trained is touched, and no random number is used up."""

    def __init__(self, model: Recogniser, batches: Sequence[Batch], device: torch.device) -> None:
        self._model, self.device = copy.deepcopy(model).train(), device
        self._batches = [batch.to(device) for batch in batches]

    def seconds(self, setups: Sequence[Setup], budget: float) -> dict[Setup, float]:
        """The best time of a step of each, in rounds that all of them take part in.

        One thread by its CPU time, which others on the machine do not add to; several, and GPUs, by the clock on the
        wall, since waiting for a processor is what several threads may cost.
        """
        best = dict.fromkeys(setups, math.inf)
        began, rounds = time.perf_counter(), 0
        while rounds < _FEWEST or (rounds < _MOST and time.perf_counter() - began < budget):
            for setup in setups:
                taken = self._round(setup)
                best[setup] = min(best[setup], taken) if rounds else best[setup]
            rounds += 1
        return best

    def difference(self, reference: Setup, other: Setup) -> Difference:
        """Of the first batch, with the same dropout."""
        (loss, gradient), (other_loss, other_gradient) = self._gradient(reference), self._gradient(other)
        cosine = torch.nn.functional.cosine_similarity(gradient, other_gradient, dim=0, eps=1e-30)
        return Difference(abs(other_loss - loss) / max(abs(loss), 1e-30), float(cosine))

    def _round(self, setup: Setup) -> float:
        self._wait()
        clock = time.process_time if self.device.type == "cpu" and setup.threads == 1 else time.perf_counter
        began = clock()
        with torch.random.fork_rng():
            for batch in self._batches:
                self._pass(setup, batch)
                self._wait()
        return (clock() - began) / len(self._batches)

    def _gradient(self, setup: Setup) -> tuple[float, torch.Tensor]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            loss = self._pass(setup, self._batches[0], keep=True)
        parts = [p.grad.flatten().double() for p in self._model.parameters() if p.grad is not None]
        self._model.zero_grad()
        return float(loss), torch.cat(parts)

    def _pass(self, setup: Setup, batch: Batch, *, keep: bool = False) -> torch.Tensor:
        half = _HALF.get(setup.precision)
        with using(setup.threads, setup.matmul):
            with torch.autocast(self.device.type, half, enabled=half is not None):
                losses: Losses = self._model(batch)
            loss = losses.per_utterance.mean()
            loss.backward()  # type: ignore[no-untyped-call]
        if not keep:
            self._model.zero_grad()
        return loss.detach()

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
