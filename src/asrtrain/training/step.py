"""The story of one update."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch.amp.grad_scaler import GradScaler

from asrtrain.clipping import ClipReport, measure
from asrtrain.training.averaging import MovingAverage
from asrtrain.training.config import TrainingConfig
from asrtrain.training.interface import Ingredients
from asrtrain.training.regularisation import add_penalty_gradients
from asrtrain.types import Batch

Reason = Literal["", "loss", "gradient", "loss scale", "nothing counted", "spike"]
"""Why a step was not taken; empty if it was. A half-precision overflow that a smaller loss scale cures is no fault."""

_AUTOCAST = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one update did. Tensors stay on the device until somebody asks.

    loss () is the mean over the utterances that count, counted () their number; losses (B,) are those of ``ids``.
    clip is None where the step was not taken, norm () is the norm of the gradient before clipping.
    """

    ids: tuple[str, ...]
    losses: torch.Tensor
    loss: torch.Tensor
    counted: torch.Tensor
    norm: torch.Tensor
    clip: ClipReport | None
    reason: Reason
    lr: float
    loss_scale: float

    def suspects(self) -> tuple[str, ...]:
        """The utterances whose own loss is not finite; all of them if every loss is. Waits for the device."""
        finite = torch.isfinite(self.losses).tolist()
        return tuple(i for i, fine in zip(self.ids, finite, strict=True) if not fine) or self.ids


@final
class Updater:
    """Makes one optimiser step of one window of batches.

    ``decides`` asks whether a step is sound before the optimiser takes it, for which the host waits. Without it the
    step is taken, and judged when its numbers are read.
    """

    def __init__(
        self, ingredients: Ingredients, config: TrainingConfig, device: torch.device, *, decides: bool
    ) -> None:
        self._model, self._objective = ingredients.model, ingredients.objective
        self._optimizer, self._schedule = ingredients.optimizer, ingredients.schedule
        self._clipper = ingredients.clipper
        self._clipper.attach(self._model)
        self._config, self._device = config, device
        self._base_rates = [float(group["lr"]) for group in self._optimizer.param_groups]
        self.scaler = GradScaler(device.type, enabled=config.precision == "fp16")
        self.average = None if config.ema is None else MovingAverage(self._model, config.ema)
        self.steps_taken = 0
        self._decides = decides or self.scaler.is_enabled()  # the loss scale needs the answer at once

    def __call__(self, window: Sequence[Batch]) -> StepReport:
        """Accumulate → unscale → measure → decide → clip → penalties → optimiser → schedule → weight average.

        A clipping rule may find the step not worth taking; then optimiser, schedule and average stay as they are.
        """
        scale = self._loss_scale()
        losses, counted = self._accumulate(window, scale)
        self.scaler.unscale_(self._optimizer)
        gradients = measure(self._model.named_parameters())
        loss = losses.sum() / counted.clamp(min=1)
        reason = self._decide(loss, gradients.total, counted, scale)
        lr = self._set_rates()
        clip = None if reason else self._clipper.clip(gradients)
        if clip is not None and bool(clip.skip):
            clip, reason = None, "spike"
        if clip is not None:
            self._take()
        self.scaler.update()
        self._optimizer.zero_grad(set_to_none=True)
        ids = tuple(name for batch in window for name in batch.ids)
        return StepReport(ids, losses, loss, counted, gradients.total, clip, reason, lr, scale)

    def _accumulate(self, window: Sequence[Batch], scale: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Leave the gradient of the mean loss of the window's counted utterances; return all losses and the count.

        Every utterance weighs the same, whatever batch it came in. How many count is known at the end only, so the
        sum is divided by the number of all first, lest it overflow, and put right afterwards.
        """
        everyone = sum(len(batch.ids) for batch in window)
        losses, counted = [], []
        for batch in window:
            on_device = batch.to(self._device)
            with self._autocast():
                scores = self._model(on_device.features, on_device.lengths)
            answer = self._objective(scores, on_device)
            self._clipper.backward(answer.per_utterance, weight=1 / everyone, loss_scale=scale)
            losses.append(answer.per_utterance.detach())
            counted.append(answer.counted.sum())
        total = torch.stack(counted).sum()
        gradients = [p.grad for p in self._model.parameters() if p.grad is not None]
        torch._foreach_mul_(gradients, everyone / total.clamp(min=1))
        return torch.cat(losses), total

    def _loss_scale(self) -> float:
        """What losses are multiplied by, lest half-precision gradients vanish."""
        # Scaling one is what makes the scaler begin; asking it for its scale does not.
        return float(self.scaler.scale(torch.ones((), device=self._device))) if self.scaler.is_enabled() else 1.0

    def _autocast(self) -> AbstractContextManager[None]:
        precision: Literal["fp32", "bf16", "fp16"] = self._config.precision
        return torch.autocast(self._device.type, _AUTOCAST[precision], enabled=precision != "fp32")

    def _decide(self, loss: torch.Tensor, norm: torch.Tensor, counted: torch.Tensor, scale: float) -> Reason:
        """Why not to take this step; empty to take it."""
        if not self._decides:
            return ""
        # The host waits for the device here, and nowhere else in a step.
        fine_loss, fine_norm, some = torch.stack([torch.isfinite(loss), torch.isfinite(norm), counted > 0]).tolist()
        if not fine_loss:
            return "loss"
        if not fine_norm:
            return "loss scale" if scale > 1 else "gradient"
        return "" if some else "nothing counted"

    def _set_rates(self) -> float:
        """The learning rates follow from the number of steps taken, so a skipped step does not move the schedule."""
        factor = self._schedule.factor(self.steps_taken)
        for group, rate in zip(self._optimizer.param_groups, self._base_rates, strict=True):
            group["lr"] = rate * factor
        return self._base_rates[0] * factor

    def _take(self) -> None:
        add_penalty_gradients(self._model.parameters(), self._config.l1, self._config.l2)
        self._clipper.step(self._optimizer)
        self.steps_taken += 1
        if self.average is not None:
            self.average.update(self._model, self.steps_taken)
