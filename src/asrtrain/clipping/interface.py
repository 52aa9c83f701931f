"""What every clipping rule is: finished measurements in, an honest report out.

No rule can hide a non-finite value, feed one to its history, or forget to report: the measuring and the reporting are
done here and in ``clipper.py``, not in the rules.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import nn

from asrtrain.clipping.promises import Promise
from asrtrain.clipping.sharded import Shards
from asrtrain.config import Config
from asrtrain.config.run import Run

State = dict[str, torch.Tensor]
"""What a rule must find again after a restart: tensors by name, nothing else."""


@dataclass(frozen=True)
class Gradients:
    """The gradients of one step, measured once.

    names, parameters and tensors run in parallel and hold every parameter that has a gradient, tied ones once.
    norms (N,) float64 is the 2-norm of each tensor; total () float64 is the 2-norm of them all. With shards, parameters
    and tensors are this process's parts, and all that is measured is of the whole.
    """

    names: tuple[str, ...]
    parameters: tuple[torch.Tensor, ...]
    tensors: tuple[torch.Tensor, ...]
    norms: torch.Tensor
    total: torch.Tensor
    shards: Shards | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many elements each tensor has."""
        return self.shards.sizes(self.names) if self.shards else tuple(tensor.numel() for tensor in self.tensors)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return sum(self.sizes)

    def of_all(self, numbers: torch.Tensor) -> torch.Tensor:
        """Sums over elements of the tensors here, as sums over the elements of whole ones."""
        return self.shards.sum(numbers) if self.shards else numbers

    @property
    def finite(self) -> torch.Tensor:
        """Whether every element is, ()."""
        return torch.isfinite(self.total)

    @cached_property
    def peaks(self) -> torch.Tensor:
        """The largest magnitude of each tensor, (N,) float64, as it is when first asked for."""
        if not self.tensors:
            return torch.zeros_like(self.norms)
        if self.shards:
            return self.shards.norms(self.tensors, torch.inf)
        # Three times as fast as the infinity norm.
        pairs = [torch.aminmax(tensor) for tensor in self.tensors]
        low, high = (torch.stack(list(end)).double() for end in zip(*pairs, strict=True))
        return torch.maximum(high, -low)


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule did: the threshold it used, and the share of gradient elements that it changed, each ().

    No share at all says that nothing was changed for certain. norms (N,) are the norms afterwards, where the rule knows
    them without measuring. cosines (N,) are those of the angles between every tensor before and after, 1 where one of
    them is zero; None where no tensor was turned. straight says that all tensors were multiplied by the same number.
    With skip, the step is not to be taken.
    """

    threshold: torch.Tensor
    share: torch.Tensor | None
    norms: torch.Tensor | None = None
    skip: bool = False
    cosines: torch.Tensor | None = None
    straight: bool = False


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What clipping did to one step, as 0-d tensors: nothing here waits for the device.

    norm_before and norm_after are global 2-norms; coefficient is their ratio; threshold is that of the last rule
    with a finite one, and where its scope has several, the largest; clipped says whether any element was changed;
    clipped_share is the share of elements changed; cosine is that of the angle between the gradient before and
    after. largest is the largest magnitude before, and largest_at its tensor's place in ``names``; NaN and -1
    if details were not asked for. norms (N,) are the 2-norms before, of the tensors in ``names``. skip says that a
    rule found the step not worth taking: the gradients are zero, and a loop that looks leaves optimiser and schedule
    alone. estimates holds what rules with a history have learned, each ().
    """

    norm_before: torch.Tensor
    norm_after: torch.Tensor
    coefficient: torch.Tensor
    threshold: torch.Tensor
    clipped: torch.Tensor
    clipped_share: torch.Tensor
    cosine: torch.Tensor
    largest: torch.Tensor
    largest_at: torch.Tensor
    names: tuple[str, ...]
    norms: torch.Tensor
    skip: torch.Tensor
    estimates: Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """How far one optimiser step moved the weights: global 2-norms, each ().

    norm_before is what the optimiser wanted, norm_after what was left of it; weight_norm is that of the weights before.
    clipped says whether a rule changed the update.
    """

    norm_before: torch.Tensor
    norm_after: torch.Tensor
    weight_norm: torch.Tensor
    clipped: torch.Tensor


class ClipRule(ABC):
    """One rule: changes the gradient tensors in place."""

    @abstractmethod
    def apply(self, gradients: Gradients) -> Action:
        """Clip ``gradients.tensors`` in place.

        On the CPU it is called with finite norms only. Elsewhere nobody looks at them, and where ``gradients.finite``
        is false it must leave gradients and history as they are.
        """

    @abstractmethod
    def state_dict(self) -> State:
        """What must survive a restart."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take it back, bit for bit. Raises KeyError if it is another rule's."""

    @property
    def turns(self) -> bool:
        """Whether it may change a tensor's direction, and not its length alone; if so, it tells ``Action.cosines``."""
        return True

    @property
    def takes_shards(self) -> bool:
        """Whether every process may hold a shard of each tensor: all that it measures comes from ``Gradients``, or from
        sums that ``Gradients.of_all`` completes, and its state is the same in all processes.
        """
        return False

    def estimates(self) -> Mapping[str, torch.Tensor]:
        """What the rule has learned from its history, each (), from its first step on; nothing by default.

        Rules with one threshold for all gradients tell the mean, the quantile or whatever it is made of, and how many
        norms it was learned from. What is learned for every part of a finer scope is left out.
        """
        return {}


class InsideRule(ClipRule):
    """A rule that acts inside the model while gradients are computed; `apply` tells what it did since the last step."""

    @property
    def turns(self) -> bool:
        return False  # the gradients that `apply` sees are as the rule wants them

    @abstractmethod
    def attach(self, model: nn.Module) -> Callable[[], None]:
        """Begin to act in a model; returns what ends it. Raises UsageError if there is nothing for it to act on."""

    def expect(self, scale: torch.Tensor | float) -> None:
        """Told by ``Clipper.backward`` what utterances' losses are multiplied by, for limits on their own gradients."""


class LossRule(InsideRule):
    """A rule that computes the gradients itself, from the loss of every utterance."""

    @abstractmethod
    def backward(self, losses: torch.Tensor, weight: torch.Tensor | float, loss_scale: float) -> None:
        """Add the gradient of weight · loss_scale · Σ losses (B,) to that of the model that it is attached to.

        The rule looks at every utterance's own gradient, without weight and loss_scale.
        """


class UpdateRule(ClipRule):
    """A rule that limits what the optimiser does to the weights; `apply` may look at the gradients before."""

    @property
    def turns(self) -> bool:
        return False

    @abstractmethod
    def limit(self, updates: Gradients) -> Action:
        """Limit ``updates.tensors``, the changes of the weights, in place; ``parameters`` are the weights before them.

        Called with finite norms only.
        """


class ClipRuleConfig(Config, ABC):
    """A clipping rule's settings.

    The first sentence of its docstring says what the rule does and, after a colon, its formula. ``source`` says where
    it comes from; ``cost`` what it adds to a step, in passes over the gradients, beside the norms of all tensors, which
    are measured anyway; ``examples`` are settings to show it by.
    """

    source: ClassVar[str]
    cost: ClassVar[str]
    examples: ClassVar[tuple[Mapping[str, Any], ...]]
    compares_utterances: ClassVar[bool] = False
    """Whether the others of its batch decide what is done to an utterance: then it matters how many processes share it.
    """

    name: str

    @property
    @abstractmethod
    def promises(self) -> frozenset[Promise]:
        """What the rule promises with these settings."""

    @abstractmethod
    def build(self, seed: int) -> ClipRule:
        """Build the rule; ``seed`` drives its random numbers, which depend on it and on the step alone."""

    def check_with(self, run: Run, key: str) -> None:
        """Raise ValueError, beginning with the rule's ``key``, where it does not go with the rest of a run."""
        if run.value("training.sharding") != "none" and not self.build(run.value("seed")).takes_shards:
            raise ValueError(
                f"{key}: {self.name} with these settings needs whole tensors, of which training.sharding: "
                "full leaves each process a shard: choose value, or norm with scope global, layer or tensor, or "
                "leave training.sharding out"
            )

    def check(self, names: Sequence[str]) -> None:
        """Told the names of all trained parameters before the first step, where there is a model.

        Raises UsageError, beginning with the key, if the settings do not fit them.
        """
