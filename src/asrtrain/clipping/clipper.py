"""The clipper: measure, let each rule act in order, and report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import final

import torch

from asrtrain.clipping.interface import Action, ClipReport, ClipRule, Gradients, State
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
        """Clip gradients that are measured already. Non-finite ones are left as they are, and no rule sees them.

        A rule that wants the step skipped ends the list: no later rule sees the step.
        """
        share = torch.zeros_like(gradients.total)
        threshold = torch.full_like(share, float("inf"))
        now, skip = gradients, False
        if gradients.tensors and bool(torch.isfinite(gradients.total)):
            for rule in self._rules:
                action = rule.apply(now)
                threshold, share = action.threshold, torch.maximum(share, action.share)
                now, skip = _measured_after(action, now), action.skip
                if skip:
                    break
        before, after = gradients.total, now.total
        coefficient = torch.where(share > 0, after / before, torch.ones_like(before))
        return ClipReport(
            before, after, coefficient, threshold, share > 0, share, gradients.names, gradients.norms,
            torch.tensor(skip, device=share.device),
        )  # fmt: skip

    def state_dict(self) -> State:
        """The state of every rule, named by its place."""
        return {f"{i}.{key}": value for i, rule in enumerate(self._rules) for key, value in rule.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take the state back. Raises KeyError if it was saved by another list of rules."""
        try:
            for i, rule in enumerate(self._rules):
                own = f"{i}."
                rule.load_state_dict({k.removeprefix(own): v for k, v in state.items() if k.startswith(own)})
        except KeyError as missing:
            raise _other_rules(state, f"{missing} is missing") from missing
        if set(state) != set(self.state_dict()):
            raise _other_rules(state, f"this clipper needs {sorted(self.state_dict())}")


def _measured_after(action: Action, before: Gradients) -> Gradients:
    """The gradients after a rule, measured again only where the rule does not know their norms."""
    if action.norms is not None:
        return replace(before, norms=action.norms, total=torch.linalg.vector_norm(action.norms))
    if bool(action.share > 0):
        return measure(zip(before.names, before.parameters, strict=True))
    return before


def _other_rules(state: Mapping[str, torch.Tensor], why: str) -> KeyError:
    return KeyError(
        f"the clipping state holds {sorted(state)}, {why}; "
        "keep the clipping settings that it was saved with, or start without it"
    )
