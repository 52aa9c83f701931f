"""Weights that may be kept: with the statistics and settings that belong to them, and how good they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from typing import final

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from asrtrain.recogniser import Recogniser
from asrtrain.training.averaging import Weights, using, weights_of
from asrtrain.training.interface import Ingredients, Validation
from asrtrain.training.world import World
from asrtrain.types import Batch

STATISTICS_BATCHES = 20
"""Batches of training data that statistics are measured from; thirty gave the same figures as ten."""


@final
class Candidates:
    """Completes and validates weights, which all processes do together."""

    def __init__(self, ingredients: Ingredients, device: torch.device, world: World) -> None:
        self._parts, self._device, self._world = ingredients, device, world

    @torch.no_grad()
    def complete(self, weights: Weights, epoch: int, *, averaged: bool) -> Weights:
        """The weights, with what is decided of them besides training.

        Averages have never normalised a batch: the running statistics that they come with are those of other weights.
        They are measured again on the first batches of ``epoch`` (from 0), which are the same whenever it is done.
        """
        model, tune = self._parts.model, self._parts.tune
        norms = [module for module in model.modules() if isinstance(module, _BatchNorm)] if averaged else []
        if tune is None and not norms:
            return weights
        model.eval()
        with using(model, weights):
            if norms:
                batches = islice(self._parts.batches.epoch(epoch), STATISTICS_BATCHES)
                measure_statistics(model, norms, batches, self._device)
            if tune is not None:
                if self._world.leads or self._parts.sharding is not None:  # of a sharded model, none has enough alone
                    tune(model)
                self._world.take_from_leader(model.buffers())
            return weights_of(model)

    def validated(self, weights: Weights) -> Validation:
        """What the first process finds: the others must not decide differently where each has scored everything."""
        return Validation(**self._world.from_leader(asdict(self.measured(weights))))

    @torch.no_grad()
    def measured(self, weights: Weights) -> Validation:
        """What this process finds."""
        self._parts.model.eval()
        with using(self._parts.model, weights):
            return self._parts.validate(self._parts.model)


def measure_statistics(
    model: Recogniser, norms: Iterable[_BatchNorm], batches: Iterable[Batch], device: torch.device
) -> None:
    """Replace running statistics by the mean of those of batches, all else being as in evaluation.

    Batches that are not finite count for nothing, as steps that are skipped. Of several processes each gives its part.
    """
    momenta = {norm: norm.momentum for norm in norms}
    buffers = [one for norm in momenta for one in norm.buffers(recurse=False) if one.is_floating_point()]
    counted = 0
    for norm in momenta:
        norm.train()
    for batch in batches:
        before = [buffer.clone() for buffer in buffers]
        for norm in momenta:
            norm.momentum = 1 / (counted + 1)
        here = batch.to(device)
        model.encode(here)
        if all(bool(torch.isfinite(buffer).all()) for buffer in buffers):
            counted += 1
        else:
            torch._foreach_copy_(buffers, before)
    for norm, momentum in momenta.items():
        norm.eval()
        norm.momentum = momentum
