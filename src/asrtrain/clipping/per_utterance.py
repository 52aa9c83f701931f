"""Clipping every utterance's own gradient (differentially private SGD: Abadi et al., 2016)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field, model_validator
from torch import nn

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, LossRule, State
from asrtrain.clipping.measure import tensor_norms, total_norm
from asrtrain.clipping.noise import NoiseConfig
from asrtrain.clipping.parts.inside import Counter
from asrtrain.clipping.promises import UNTOUCHED, Promise
from asrtrain.clipping.thresholds import Positive
from asrtrain.errors import UsageError


class PerUtteranceConfig(ClipRuleConfig):
    """Limit what each utterance b adds to the gradient: g ← Σ_b g_b · min(1, c / ‖g_b‖).

    g_b is the gradient of the utterance's own loss, before it is weighted; the mean is taken afterwards.
    An utterance whose gradient is not finite makes the sum so, for the loop to decide about. Batch normalisation in
    training lets an utterance act on the losses of others: then g_b is not its influence alone.
    """

    source: ClassVar = "Abadi et al., 2016; optax's ``per_example_global_norm_clip``"
    cost: ClassVar = "a backward pass for every utterance in place of one for the batch"
    examples: ClassVar = ({"threshold": 1.0}, {"threshold": 1.0, "sigma": 0.5, "lot": 8})

    name: Literal["per_utterance"] = "per_utterance"
    threshold: Positive
    """c: the largest norm of an utterance's gradient, over all parameters."""
    sigma: Annotated[float, Field(ge=0)] = 0.0
    """Noise of differential privacy, once a step: N(0, (sigma · c / lot)²) is added to the mean gradient. It depends on
    the seed, the step and the parameter's name alone."""
    lot: Annotated[int, Field(ge=1, le=1 << 53)] | None = None
    """How many utterances a step is expected to have; required for noise, unused without."""

    @model_validator(mode="after")
    def _noise_has_a_lot(self) -> PerUtteranceConfig:
        if self.sigma > 0 and self.lot is None:
            raise ValueError("sigma wants a lot beside it: how many utterances a step is expected to have")
        if not 0 <= self._variance < float("inf"):
            raise ValueError("sigma · threshold / lot is too large: its square, the variance of the noise, is infinite")
        return self

    @property
    def _variance(self) -> float:
        """Of the noise that is added once a step."""
        deviation = self.sigma * self.threshold / (self.lot or 1)
        return deviation * deviation

    @property
    def promises(self) -> frozenset[Promise]:
        return frozenset({Promise.NON_EXPANSIVE, Promise.HUGE}) if self.sigma else UNTOUCHED

    def build(self, seed: int) -> ClipRule:
        if not self.sigma or self.lot is None:
            return PerUtterance(self.threshold)
        return PerUtterance(self.threshold, NoiseConfig(eta=self._variance, gamma=0.0).build(seed))


@final
class PerUtterance(LossRule):
    """Adds up the gradients of utterances, each limited; then a rule for noise may act on the sum."""

    def __init__(self, threshold: float, noise: ClipRule | None = None) -> None:
        self._threshold, self._noise = threshold, noise
        self._model: nn.Module | None = None
        self._counter = Counter()

    @property
    def turns(self) -> bool:
        return self._noise is not None

    def attach(self, model: nn.Module) -> Callable[[], None]:
        self._model = model

        def forget() -> None:
            self._model = None

        return forget

    def backward(self, losses: torch.Tensor, weight: torch.Tensor | float, loss_scale: float) -> None:
        if self._model is None:
            raise UsageError("per_utterance wants to know the model: call clip.attach(model) before clip.backward")
        trained = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
        for b, loss in enumerate(losses.unbind()):
            last = b + 1 == len(losses)
            own = torch.autograd.grad(loss * loss_scale, trained, retain_graph=not last, allow_unused=True)
            self._add([(p, g) for p, g in zip(trained, own, strict=True) if g is not None], weight, loss_scale)

    @torch.no_grad()
    def _add(
        self,
        own: list[tuple[nn.Parameter, torch.Tensor]],
        weight: torch.Tensor | float,
        loss_scale: float,
    ) -> None:
        """Add one utterance's gradient, limited and weighted, to what the parameters have."""
        norm = total_norm(tensor_norms([gradient for _, gradient in own])) / loss_scale
        above = norm > self._threshold  # an infinite gradient is multiplied by zero: that makes NaN, and hides nothing
        self._counter.add(above, torch.ones_like(above))
        factor = torch.where(above, self._threshold / norm, torch.ones_like(norm)) * weight
        for parameter, gradient in own:
            limited = gradient * factor.to(gradient.dtype)
            parameter.grad = limited if parameter.grad is None else parameter.grad.add_(limited)

    def apply(self, gradients: Gradients) -> Action:
        told = self._counter.report(gradients, self._threshold)
        return told if self._noise is None else replace(self._noise.apply(gradients), threshold=told.threshold)

    def state_dict(self) -> State:
        return {} if self._noise is None else self._noise.state_dict()

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        if self._noise is not None:
            self._noise.load_state_dict(state)
