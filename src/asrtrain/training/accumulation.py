"""The gradient of a window of batches, whatever processes they are spread over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import final

import torch

from asrtrain.clipping.parts.constants import whole
from asrtrain.clipping.parts.looking import free_to_look
from asrtrain.training.config import TrainingConfig
from asrtrain.training.injection import Planted
from asrtrain.training.interface import Ingredients
from asrtrain.training.world import World
from asrtrain.types import Batch, Losses

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


@final
class Accumulator:
    """Leaves in the model the gradient of the mean loss of a window's counted utterances.

    Every utterance weighs the same, whatever batch and process it came in. How many count is known at the end only, so
    the sum is divided by the number of all first, lest it overflow, and put right afterwards.
    """

    def __init__(self, ingredients: Ingredients, config: TrainingConfig, device: torch.device, world: World) -> None:
        self._model, self._clipper = ingredients.model, ingredients.clipper
        self._sharding = ingredients.sharding
        self._parameters = tuple(parameter for _, parameter in ingredients.named)
        self._together = self._sharding is not None or any(True for _ in self._model.buffers())
        self._autocast = _AUTOCAST.get(config.precision)
        self._device, self._world = device, world

    def __call__(
        self, window: Sequence[Batch], planted: Planted, loss_scale: float, meanwhile: Callable[[], None]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The losses (B,) of all utterances, in whichever process; how many of them count (); their mean loss ().

        ``meanwhile`` is called while other processes' gradients are waited for.
        """
        everyone = sum(len(batch.everyone) for batch in window)
        answers = [self._backward(batch, planted, 1 / everyone, loss_scale) for batch in window]
        if self._world.size == 1:
            losses, counted = _joined([answer for answer in answers if answer is not None])
        else:
            losses, counted = self._of_all_processes(window, answers, everyone, meanwhile)
        if free_to_look(counted):
            number = max(1, int(counted))
            if (factor := _factor(everyone, number, loss_scale)) != 1:
                self._multiply(factor)
            # Added up as plain numbers: a third of what the sum and the quotient take as tensors.
            return losses, counted, torch.tensor(sum(losses.tolist()) / number, dtype=torch.float64)
        some = counted.clamp(min=1)
        self._multiply(everyone / some / loss_scale)
        return losses, counted, losses.sum() / some

    def losses(self, batch: Batch) -> Losses:
        """Those of a batch on the device, with the graph that they were computed by."""
        half = nullcontext() if self._autocast is None else torch.autocast(self._device.type, self._autocast)
        with half:
            losses: Losses = self._model(batch)
        return losses

    def _backward(self, batch: Batch, planted: Planted, weight: float, loss_scale: float) -> Losses | None:
        """Add the gradient of a batch; without the graph, the losses of this process's utterances. None without any."""
        on_device = batch.to(self._device)
        if batch.ids:
            with planted(on_device) as given:
                answer = self.losses(given)
                self._clipper.backward(answer.per_utterance, weight=weight, loss_scale=loss_scale)
            return Losses(answer.per_utterance.detach(), answer.counted)
        if self._together:
            # Other processes have utterances of this batch, and wait to hear of the frames that are not here, or for
            # the weights that are.
            self.losses(on_device).per_utterance.sum().backward()  # type: ignore[no-untyped-call]
        return None

    def _multiply(self, factor: torch.Tensor | float) -> None:
        torch._foreach_mul_([one.grad for one in self._parameters if one.grad is not None], factor)

    def _of_all_processes(
        self,
        window: Sequence[Batch],
        answers: Sequence[Losses | None],
        everyone: int,
        meanwhile: Callable[[], None],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses and count, summed together with the gradients."""
        numbers, start = torch.zeros(everyone + 1, device=self._device), 0
        losses, counted = numbers[:-1], numbers[-1]
        for batch, answer in zip(window, answers, strict=True):
            if answer is not None:
                losses[_rows(batch, start)] = answer.per_utterance.to(losses.dtype)
                counted += answer.counted.sum()
            start += len(batch.everyone)
        if self._sharding is None:
            numbers = self._world.sum_gradients(self._parameters, numbers, meanwhile)
        else:
            self._sharding.collect()
            numbers = self._world.sum(numbers)
        return numbers[:-1], numbers[-1]


def _joined(answers: Sequence[Losses]) -> tuple[torch.Tensor, torch.Tensor]:
    """All losses in float32, and how many count."""
    losses = [answer.per_utterance.float() for answer in answers]
    counted = [answer.counted for answer in answers]
    joined, flags = (some[0] if len(some) == 1 else torch.cat(some) for some in (losses, counted))
    return joined, whole(sum(flags.tolist())) if free_to_look(flags) else torch.count_nonzero(flags)


@lru_cache(maxsize=256)
def _factor(everyone: int, counted: int, loss_scale: float) -> float:
    """What makes a sum of losses by ``everyone`` their mean, to the bits that it has in float32 on any device."""
    return float(everyone / torch.tensor(float(counted)) / loss_scale)


def _rows(batch: Batch, start: int) -> slice | list[int]:
    """Where a batch's utterances stand among those of the window, if its first stands at ``start``."""
    if batch.whole is None:
        return slice(start, start + len(batch.ids))
    place_of = {name: place for place, name in enumerate(batch.whole, start)}
    return [place_of[name] for name in batch.ids]
