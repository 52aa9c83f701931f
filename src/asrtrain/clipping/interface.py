"""What every clipping rule is: finished measurements in, an honest report out.

No rule can hide a non-finite value, feed one to its history, or forget to report: the measuring and the reporting are
done here and in ``clipper.py``, not in the rules.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from asrtrain.clipping.promises import Promise
from asrtrain.config import Config

State = dict[str, torch.Tensor]
"""What a rule must find again after a restart: tensors by name, nothing else."""


@dataclass(frozen=True, slots=True)
class Gradients:
    """The gradients of one step, measured once.

    names, parameters and tensors run in parallel and hold every parameter that has a gradient, tied ones once.
    norms (N,) float64 is the 2-norm of each tensor; total () float64 is the 2-norm of them all.
    """

    names: tuple[str, ...]
    parameters: tuple[torch.Tensor, ...]
    tensors: tuple[torch.Tensor, ...]
    norms: torch.Tensor
    total: torch.Tensor

    @property
    def size(self) -> int:
        """How many elements there are."""
        return sum(tensor.numel() for tensor in self.tensors)


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule did: the threshold it used, and the share of gradient elements that it changed, each ().

    norms (N,) are the norms afterwards, where the rule knows them without measuring. With skip, the step is not to be
    taken.
    """

    threshold: torch.Tensor
    share: torch.Tensor
    norms: torch.Tensor | None = None
    skip: bool = False


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What clipping did to one step, as 0-d tensors: nothing here waits for the device.

    norm_before and norm_after are global 2-norms; coefficient is their ratio; threshold is the last rule's, and where
    its scope has several, the largest; clipped says whether any element was changed; clipped_share is the share of
    elements changed; layer_norms (N,) are the norms before, of the tensors in ``names``. skip says that a rule found
    the step not worth taking: the gradients are zero, and a loop that looks leaves optimiser and schedule alone.
    """

    norm_before: torch.Tensor
    norm_after: torch.Tensor
    coefficient: torch.Tensor
    threshold: torch.Tensor
    clipped: torch.Tensor
    clipped_share: torch.Tensor
    names: tuple[str, ...]
    layer_norms: torch.Tensor
    skip: torch.Tensor


class ClipRule(ABC):
    """One rule: changes the gradient tensors in place."""

    @abstractmethod
    def apply(self, gradients: Gradients) -> Action:
        """Clip ``gradients.tensors`` in place. Called with finite norms only."""

    @abstractmethod
    def state_dict(self) -> State:
        """What must survive a restart."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take it back, bit for bit. Raises KeyError if it is another rule's."""


class ClipRuleConfig(Config, ABC):
    """A clipping rule's settings, and in ``examples`` settings to show it by."""

    examples: ClassVar[tuple[Mapping[str, Any], ...]]

    name: str

    @property
    @abstractmethod
    def promises(self) -> frozenset[Promise]:
        """What the rule promises with these settings."""

    @abstractmethod
    def build(self, seed: int) -> ClipRule:
        """Build the rule; ``seed`` drives its random numbers, which depend on it and on the step alone."""
