"""The story of one update."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from asrtrain.clipping import Clipper, Gradients, UpdateReport, measure
from asrtrain.clipping.measure import tensor_norms
from asrtrain.clipping.parts.looking import plain_numbers
from asrtrain.errors import UsageError
from asrtrain.training.accumulation import Accumulator
from asrtrain.training.averaging import MovingAverage
from asrtrain.training.config import TrainingConfig
from asrtrain.training.culprits import find_culprits
from asrtrain.training.injection import Injector, PlantedFaults, nothing_planted
from asrtrain.training.interface import Ingredients
from asrtrain.training.loss_scale import LossScale
from asrtrain.training.regularisation import add_penalty_gradients
from asrtrain.training.report import Fault, FaultKind, Reason, StepReport, fault_kind
from asrtrain.training.trace import Trace, frozen_statistics
from asrtrain.training.watch import Trouble, Watch
from asrtrain.training.world import World
from asrtrain.types import Batch

_UPDATE_INTERVAL = 10
"""Steps taken between measurements of an update, each of which costs a copy of the weights."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What a window came to: its gradients lie in the model; reason says why they are not to be used."""

    ids: tuple[str, ...]
    losses: torch.Tensor
    loss: torch.Tensor
    counted: torch.Tensor
    gradients: Gradients
    reason: Reason


def check_together(model: nn.Module, clipper: Clipper, world: World) -> None:
    """Raise UsageError for what processes would wait for each other in for ever."""
    normalises = any(isinstance(module, nn.BatchNorm1d) for module in model.modules())
    if world.size > 1 and clipper.looks_at_utterances and normalises:
        raise UsageError(
            "clipping: per_utterance computes as many gradients as a process has utterances, while batch "
            "normalisation must hear of each from all processes: use one process, or a model without it"
        )


@final
class Updater:
    """Makes one optimiser step of one window of batches; several processes make it together.

    ``decides`` asks whether a step is sound before the optimiser takes it, for which the host waits; one that is not
    taken leaves no trace. Without it the step is taken, and judged when its numbers are read.
    """

    def __init__(
        self,
        ingredients: Ingredients,
        config: TrainingConfig,
        device: torch.device,
        *,
        decides: bool,
        world: World | None = None,
    ) -> None:
        self._model = ingredients.model
        self._optimizer, self._schedule = ingredients.optimizer, ingredients.schedule
        self._clipper = ingredients.clipper
        self._clipper.attach(self._model)
        self._named, self._sharding = ingredients.named, ingredients.sharding
        self._config, self._device, self._world = config, device, world or World()
        self._accumulate = Accumulator(ingredients, config, device, self._world)
        self._base_rates = [float(group["lr"]) for group in self._optimizer.param_groups]
        self.loss_scale = LossScale(enabled=config.precision == "fp16")
        self.average = None if config.ema is None else MovingAverage(self._model, config.ema)
        self.steps_taken = 0
        self._decides = decides or self.loss_scale.enabled  # the loss scale needs the answer at once
        self._trace = Trace(self._model, device)
        check_together(self._model, self._clipper, self._world)
        self._injector = Injector(self._model, config.inject)
        self._planted: PlantedFaults | None = None
        self._explain, self._watch = ingredients.explain, Watch(config.explain)

    def __call__(
        self,
        window: Sequence[Batch],
        *,
        step: int = 0,
        epoch: int = 0,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> StepReport:
        """Accumulate → all-reduce → unscale → measure → decide → clip → penalties → optimiser → schedule → average.

        Clipping rules act in the order of the configuration, so that centralising and noise stand where they are
        written. With ``penalties: before_clipping`` coupled L1 and L2 are added before measuring, and are clipped too;
        the weight decay of an optimiser is its own, and always comes after. Rules on updates limit what the optimiser
        does, whatever it is made of. A clipping rule may find the step not worth taking; then optimiser, schedule and
        average stay as they are. ``step`` and ``epoch``, from 1, are what planted faults go by, and explanations.
        ``meanwhile`` is called while other processes' gradients are waited for.
        """
        if self._decides:
            self._trace.begin()
        scale = self.loss_scale.value
        self._planted = self._injector.due(step, window)
        attempt = self._attempt(window, meanwhile)
        explanation = self._explained(attempt, window, step, epoch)
        fault: Fault | None = None
        dropped: tuple[str, ...] = ()
        if kind := fault_kind(attempt.reason):
            fault = self._examine(attempt, kind, window)
            attempt, dropped = self._without_culprits(fault, attempt, window, meanwhile)
        lr, reason = self._set_rates(), attempt.reason
        clip = None if reason else self._clipper.clip(attempt.gradients)
        if clip is not None and bool(clip.skip):
            clip, reason = None, "spike"
        update: UpdateReport | None = None
        if clip is not None:
            update = self._take()
        elif self._decides:
            self._trace.wipe()
        self._forget_gradients()
        return StepReport(
            attempt.ids, attempt.losses, attempt.loss, attempt.counted, attempt.gradients.total, clip, reason,
            lr, scale, fault, dropped, update, self._planted.names if self._planted else (), explanation,
        )  # fmt: skip

    def _attempt(self, window: Sequence[Batch], meanwhile: Callable[[], None]) -> _Attempt:
        """Leave the window's gradient in the model, measure it and judge it."""
        planted = self._planted or nothing_planted
        losses, counted, loss = self._accumulate(window, planted, self.loss_scale.value, meanwhile)
        if self._config.penalties == "before_clipping":
            self._add_penalties()
        gradients = measure(self._named, self._sharding and self._sharding.shards)
        reason = self._decide(loss, gradients.total, counted)
        ids = sum((batch.everyone for batch in window), ())
        return _Attempt(ids, losses, loss, counted, gradients, reason)

    def _decide(self, loss: torch.Tensor, norm: torch.Tensor, counted: torch.Tensor) -> Reason:
        """Why not to take this step; empty to take it. All processes see the same sums, and so agree."""
        if not self._decides:
            return ""
        # The host waits for the device here, and nowhere else in a step.
        mean, length, some = plain_numbers([loss, norm, counted])
        if not math.isfinite(mean):
            return "loss"
        fine_norm = math.isfinite(length)
        if not fine_norm and self.loss_scale.can_fall:
            self.loss_scale.overflowed()
            return "loss scale"
        self.loss_scale.held()
        if not fine_norm:
            return "gradient"
        return "" if some else "nothing counted"

    def _explained(self, attempt: _Attempt, window: Sequence[Batch], step: int, epoch: int) -> str:
        """What is found out about a step worth explaining, before anything comes of it; nothing for any other."""
        if self._explain is None or not self._decides or self._world.size > 1:
            return ""
        if attempt.reason == "loss scale":
            return ""
        norm = float(attempt.gradients.total)
        cause = self._watch.look(step, window, norm, finite_loss=attempt.reason != "loss")
        if cause is None:
            return ""
        sound, median = self._watch.sound, self._watch.usual
        # What clipping does inside of the model would hide what happens there without it.
        self._clipper.detach()
        with self._trace.undone() as generators:
            trouble = Trouble(step, epoch, cause, window, sound, generators, median, self._planted)
            explanation = self._explain(trouble)
        self._clipper.attach(self._model)
        return explanation

    def _examine(self, attempt: _Attempt, kind: FaultKind, window: Sequence[Batch]) -> Fault:
        """Find out which utterances are faulty on their own; every process looks at its own.

        With a sharded model none can look alone: those whose loss is not finite are.
        """
        losses = dict(zip(attempt.ids, attempt.losses.tolist(), strict=True))
        if self._sharding is not None:
            culprits = tuple(name for name, loss in losses.items() if not math.isfinite(loss))
        else:
            culprits = self._faulty_alone(attempt, window)
        suspects = culprits or attempt.ids
        return Fault(kind, culprits, suspects, tuple(losses[name] for name in suspects))

    def _faulty_alone(self, attempt: _Attempt, window: Sequence[Batch]) -> tuple[str, ...]:
        self._trace.wipe()  # else the statistics that they have spoilt would spoil the others
        with frozen_statistics(self._model):
            own = set(find_culprits(window, self._is_faulty))
        marks = torch.tensor([float(name in own) for name in attempt.ids], device=self._device)
        guilty = self._world.sum(marks).bool().tolist()
        return tuple(name for name, mark in zip(attempt.ids, guilty, strict=True) if mark)

    def _is_faulty(self, batch: Batch) -> bool:
        with (self._planted or nothing_planted)(batch.to(self._device)) as given:
            loss = self._accumulate.losses(given).per_utterance.sum() / len(batch.ids)
            trained = [parameter for _, parameter in self._named if parameter.requires_grad]
            gradients = torch.autograd.grad(loss, trained, allow_unused=True)
        norms = tensor_norms([gradient for gradient in gradients if gradient is not None])
        return not bool(torch.isfinite(loss) & torch.isfinite(norms).all())

    def _without_culprits(
        self, fault: Fault, attempt: _Attempt, window: Sequence[Batch], meanwhile: Callable[[], None]
    ) -> tuple[_Attempt, tuple[str, ...]]:
        """The step anew, as if the culprits had never been in it, where that is wanted and helps; and their names."""
        self._trace.wipe()
        wanted = getattr(self._config.on_nonfinite, fault.kind) == "drop_utterance"
        rest = [one for batch in window if (one := batch.without(fault.culprits)).everyone]
        if not (wanted and fault.culprits and rest):
            return attempt, ()
        self._forget_gradients()
        again = self._attempt(rest, meanwhile)
        return (attempt, ()) if fault_kind(again.reason) else (again, fault.culprits)

    def _forget_gradients(self) -> None:
        """What ``zero_grad`` does, without looking for the parameters anew."""
        if self._sharding is not None:
            self._sharding.forget()
            return
        for _, parameter in self._named:
            parameter.grad = None

    def _set_rates(self) -> float:
        """The learning rates follow from the number of steps taken, so a skipped step does not move the schedule."""
        factor = self._schedule.factor(self.steps_taken)
        for group, rate in zip(self._optimizer.param_groups, self._base_rates, strict=True):
            group["lr"] = rate * factor
        return self._base_rates[0] * factor

    def _take(self) -> UpdateReport | None:
        if self._config.penalties == "after_clipping":
            self._add_penalties()
        update = self._clipper.step(self._optimizer, measured=self.steps_taken % _UPDATE_INTERVAL == 0)
        self.steps_taken += 1
        if self.average is not None:
            self.average.update(self._model, self.steps_taken)
        return update

    def _add_penalties(self) -> None:
        if self._config.l1 or self._config.l2:
            add_penalty_gradients([parameter for _, parameter in self._named], self._config.l1, self._config.l2)
