"""The clipper: measure, let each rule act in order, and report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import final

import torch

from asrtrain.clipping.interface import ClipReport, ClipRule, Gradients, State
from asrtrain.clipping.measure import measure


@final
class Clipper:
    """An ordered list of rules, applied to the gradients of one step."""

    def __init__(self, rules: Sequence[ClipRule]) -> None:
        self._rules = tuple(rules)

    def __call__(self, parameters: Iterable[torch.Tensor] | Iterable[tuple[str, torch.Tensor]]) -> ClipReport:
        """Clip the gradients of ``parameters`` (alone, or with their names) in place."""
        return self.clip(measure(parameters))

    def clip(self, gradients: Gradients) -> ClipReport:
        """Clip gradients that are measured already. Non-finite ones are left as they are, and no rule sees them."""
        if not gradients.tensors or not bool(torch.isfinite(gradients.total)):
            return _untouched(gradients)
        share = torch.zeros_like(gradients.total)
        threshold = torch.full_like(gradients.total, float("inf"))
        now = gradients
        for rule in self._rules:
            action = rule.apply(now)
            threshold, share = action.threshold, torch.maximum(share, action.share)
            if bool(action.share > 0):
                now = measure(zip(now.names, now.parameters, strict=True))
        before, after = gradients.total, now.total
        coefficient = torch.where(before > 0, after / before, torch.ones_like(before))
        return ClipReport(before, after, coefficient, threshold, share > 0, share, gradients.names, gradients.norms)

    def state_dict(self) -> State:
        """The state of every rule, named by its place."""
        return {f"{i}.{key}": value for i, rule in enumerate(self._rules) for key, value in rule.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take the state back. Raises KeyError if it was saved by another list of rules."""
        expected = set(self.state_dict())
        if set(state) != expected:
            raise KeyError(f"the clipping state holds {sorted(state)}, this clipper needs {sorted(expected)}")
        for i, rule in enumerate(self._rules):
            own = f"{i}."
            rule.load_state_dict({k.removeprefix(own): v for k, v in state.items() if k.startswith(own)})


def _untouched(gradients: Gradients) -> ClipReport:
    total = gradients.total
    zero, one = torch.zeros_like(total), torch.ones_like(total)
    return ClipReport(total, total, one, one * float("inf"), zero > 0, zero, gradients.names, gradients.norms)
