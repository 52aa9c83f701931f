"""The one home of everything that must survive a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import torch

from asrtrain.clipping.measure import tensor_norms
from asrtrain.errors import CheckpointError
from asrtrain.training.checkpoint import without_front_end
from asrtrain.training.interface import Ingredients, Validation
from asrtrain.training.nonfinite import FaultCounts
from asrtrain.training.optimizer_state import optimizer_state, restore_optimizer
from asrtrain.training.step import Updater
from asrtrain.training.trace import generator_states, set_generators
from asrtrain.training.tree import join, split
from asrtrain.training.world import World


@dataclass(frozen=True, slots=True)
class KeptEpoch:
    """An epoch (from 1) whose weights are kept, and how good they were."""

    epoch: int
    validation: Validation


@dataclass(slots=True)
class Progress:
    """Where the run is: ``batch`` is the next one of ``epoch`` (both from 0), ``step`` counts windows, taken or not."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    stale_epochs: int = 0
    best: KeptEpoch | None = None
    kept: list[KeptEpoch] = field(default_factory=list)
    faults: FaultCounts = field(default_factory=FaultCounts)

    def end_epoch(self) -> None:
        """Stand before the first batch of the next epoch."""
        self.epoch += 1
        self.batch = 0
        self.faults.in_epoch = 0

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Progress:
        """What ``dataclasses.asdict`` made, back again."""
        best = None if plain["best"] is None else _kept_epoch(plain["best"])
        counts = {name: int(plain[name]) for name in ("epoch", "batch", "step", "stale_epochs")}
        return cls(
            **counts, best=best, kept=[_kept_epoch(k) for k in plain["kept"]], faults=FaultCounts(**plain["faults"])
        )


def _kept_epoch(plain: Mapping[str, Any]) -> KeptEpoch:
    return KeptEpoch(int(plain["epoch"]), Validation(**plain["validation"]))


@final
class TrainState:
    """Weights, optimiser, schedule, clipper, loss scale, weight average, generators and position, as one tree.

    ``log_sizes`` are the bytes of the log files when this was saved; None before anything was.
    The weights are kept apart, so that a checkpoint's weights file serves everybody. With ``rolls_back``, what was set
    aside to go back to is part of the tree.
    """

    def __init__(
        self,
        ingredients: Ingredients,
        updater: Updater,
        device: torch.device,
        *,
        world: World | None = None,
        rolls_back: bool = False,
    ) -> None:
        self.progress = Progress()
        self.log_sizes: dict[str, int] | None = None
        self._parts, self._sharding = ingredients, ingredients.sharding
        self._updater = updater
        self._device = device
        self._world = world or World()
        self._rolls_back = rolls_back
        self._set_aside: dict[str, Any] | None = None

    def weights(self) -> dict[str, torch.Tensor]:
        """The model's parameters and buffers."""
        return dict(self._parts.model.state_dict())

    def kept_weights(self) -> dict[str, torch.Tensor]:
        """The weights to validate and to keep: their moving average if there is one."""
        average = self._updater.average
        return self.weights() if average is None else average.weights

    def whole(self, tree: dict[str, Any]) -> dict[str, Any]:
        """State to be saved: whole in the process that leads, whoever holds what of it. All processes ask at once."""
        return tree if self._sharding is None else self._sharding.whole(tree)

    def held(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """Of whole state, what this process holds of it."""
        return dict(tree) if self._sharding is None else self._sharding.held(tree)

    def state(self) -> dict[str, Any]:
        """All but the weights. All processes ask at once, since each has generators and maybe shards of its own."""
        return {
            "progress": asdict(self.progress),
            **self.whole(self._learnt()),
            "set_aside": self._set_aside,
            "generators": self._generators(),
            "logs": self.log_sizes,
        }

    def restore(self, weights: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> None:
        """Take everything back, exactly. Raises CheckpointError if any part is missing or does not fit."""
        try:
            own, measured = without_front_end(dict(weights))
            self._parts.model.load_state_dict(self.held(own))
            self._parts.front_end.load_state_dict(measured)
            self._relearn(self.held(state))
            self._set_aside = state["set_aside"]
            self._restore_generators(state["generators"])
            self.progress = Progress.from_plain(state["progress"])
            self.log_sizes = {name: int(size) for name, size in state["logs"].items()}
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"the saved training state does not fit this configuration: {error}. Continue with the configuration "
                "that the run began with, or begin a new run"
            ) from error

    def set_aside(self) -> None:
        """Remember what was learnt so far, to go back to; not if the weights are not finite. Nothing unless asked for.

        What was remembered before is forgotten.
        """
        if not self._rolls_back:
            return
        parameters = list(self._parts.model.parameters())
        if bool(torch.isfinite(tensor_norms([parameter.detach() for parameter in parameters])).all()):
            # To the host and back: what is set aside shares no memory with what goes on.
            self._set_aside = join(*split({"weights": self.weights(), **self._learnt()}))

    def go_back(self) -> None:
        """Return to what was set aside; position, generators and logs go on."""
        assert self._set_aside is not None
        self._parts.model.load_state_dict(self._set_aside["weights"])
        self._relearn(join(*split(self._set_aside)))

    def _learnt(self) -> dict[str, Any]:
        average = self._updater.average
        return {
            "steps_taken": self._updater.steps_taken,
            "optimizer": optimizer_state(self._parts.optimizer, self._parts.named),
            "schedule": self._parts.schedule.state_dict(),
            "clipper": self._parts.clipper.state_dict(),
            "loss_scale": self._updater.loss_scale.state_dict(),
            "average": None if average is None else average.weights,
        }

    def _relearn(self, state: Mapping[str, Any]) -> None:
        restore_optimizer(self._parts.optimizer, self._parts.named, state["optimizer"])
        self._parts.schedule.load_state_dict(state["schedule"])
        self._parts.clipper.load_state_dict(state["clipper"])
        self._updater.loss_scale.load_state_dict(state["loss_scale"])
        self._updater.steps_taken = int(state["steps_taken"])
        self._restore_average(state["average"])

    def _generators(self) -> dict[str, dict[str, torch.Tensor]]:
        """The generators' states of every process, by its number."""
        gathered = {name: self._world.gather(state) for name, state in generator_states(self._device).items()}
        return {str(rank): {name: states[rank] for name, states in gathered.items()} for rank in self._world.ranks}

    def _restore_generators(self, states: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        """Take the states back; a process that was not there keeps the generators that it has begun with."""
        own = str(self._world.rank)
        if own == "0" or own in states:
            set_generators(states[own], self._device)

    def _restore_average(self, weights: Mapping[str, torch.Tensor] | None) -> None:
        average = self._updater.average
        if (average is None) != (weights is None):
            raise ValueError("training.ema was switched on or off")
        if average is not None and weights is not None:
            average.load(weights)
