"""The clipper: measure, let each rule act in order, and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, final

import torch
from torch import nn

from asrtrain.clipping.intake import Parameters
from asrtrain.clipping.interface import (
    Action,
    ClipReport,
    ClipRule,
    Gradients,
    InsideRule,
    LossRule,
    State,
    UpdateReport,
    UpdateRule,
)
from asrtrain.clipping.measure import inner_products, measure, measured_after
from asrtrain.clipping.parts.constants import Constants, constants, whole
from asrtrain.clipping.parts.looking import certainly_not_finite, free_to_look
from asrtrain.clipping.sharded import Shards
from asrtrain.clipping.updates import WeightsBefore
from asrtrain.errors import CheckpointError, UsageError

_SURELY = 0.99
"""Norms are rounded."""

_VERSION = 1
"""Of the state; it changes when an old state cannot be understood any more."""


@final
class Clipper:
    """An ordered list of named rules, applied to the gradients of one step.

    Rules inside the model begin with `attach`; a rule on every utterance's gradient needs `backward` in place of the
    loss's; rules on updates need `step` in place of the optimiser's. A clipper whose rules need none of them may be
    told all the same, and one that was not told complains.
    """

    def __init__(
        self, rules: Sequence[tuple[str, ClipRule]], check: Callable[[Sequence[str]], None] | None = None
    ) -> None:
        """``check`` is told the names of the parameters to come, and raises UsageError if the rules do not fit them."""
        self._check = check
        self.names = tuple(name for name, _ in rules)
        self._rules = tuple(rule for _, rule in rules)
        self._turns_again = sum(rule.turns for rule in self._rules) > 1
        """Whether a second rule may turn what one has turned: only then is a copy needed to tell by how much."""
        self._on_updates = tuple(rule for rule in self._rules if isinstance(rule, UpdateRule))
        self._inside = tuple(rule for rule in self._rules if isinstance(rule, InsideRule))
        self._in_loss = next((rule for rule in self._rules if isinstance(rule, LossRule)), None)
        self._detachers: list[Callable[[], None]] = []
        self._clipped: tuple[tuple[str, torch.Tensor], ...] | None = None
        self._shards: Shards | None = None
        self._before: WeightsBefore | None = None

    @property
    def looks_at_utterances(self) -> bool:
        """Whether a rule computes every utterance's gradient by itself: a backward pass for each."""
        return self._in_loss is not None

    def check(self, model: nn.Module) -> None:
        """Raise UsageError if a setting does not fit the names of a model's trained parameters."""
        if self._check is not None:
            self._check([name for name, parameter in model.named_parameters() if parameter.requires_grad])

    def attach(self, model: nn.Module) -> None:
        """Check the model, and let rules that act inside begin. Raises UsageError if one finds nothing to act on."""
        self.detach()
        self.check(model)
        self._detachers = [rule.attach(model) for rule in self._inside]

    def detach(self) -> None:
        """Leave the model as it was."""
        for end in self._detachers:
            end()
        self._detachers = []

    def backward(self, losses: torch.Tensor, *, weight: torch.Tensor | float = 1.0, loss_scale: float = 1.0) -> None:
        """Compute the gradient of weight · loss_scale · Σ losses; losses (B,) are those of the utterances."""
        for rule in self._inside:
            rule.expect(loss_scale if self._in_loss else weight * loss_scale)
        if self._in_loss is not None:
            self._in_loss.backward(losses, weight, loss_scale)
        elif isinstance(weight, torch.Tensor):
            (losses.sum() * weight * loss_scale).backward()  # type: ignore[no-untyped-call]
        else:
            # The same to the bit in one product. Handing backward a gradient makes torch load sympy: half a second.
            factors = _alike(weight * loss_scale, losses.shape, losses.dtype, losses.device)
            losses.dot(factors).backward()  # type: ignore[no-untyped-call]

    def __call__(self, parameters: Parameters, *, detailed: bool = True) -> ClipReport:
        """Clip the gradients of ``parameters`` (one or several, alone or with their names) in place."""
        return self.clip(measure(parameters), detailed=detailed)

    def clip(self, gradients: Gradients, *, detailed: bool = True) -> ClipReport:
        """Clip gradients that are measured already. Non-finite ones are left as they are, and teach no rule anything.

        A rule that wants the step skipped ends the list: no later rule sees the step. Without details the largest
        element is not looked for, which saves a pass over the gradients.
        """
        self._complain_of_what_was_forgotten()
        details = _largest(gradients, detailed=detailed)
        raw = [tensor.clone() for tensor in gradients.tensors] if self._turns_again else None
        known = constants(gradients.total.device)
        now, actions = gradients, list[Action]()
        if gradients.tensors and not certainly_not_finite(gradients.total):
            for rule in self._rules:
                action = rule.apply(now)
                actions.append(action)
                now = measured_after(action, now)
                if action.skip:
                    break
        self._clipped = tuple(zip(gradients.names, gradients.parameters, strict=True))
        self._shards = gradients.shards
        self._before = WeightsBefore(self._clipped) if self._on_updates else None
        threshold = _last_finite([action.threshold for action in actions], known)
        skip = known.true if actions and actions[-1].skip else known.false
        changes = [action for action in actions if action.share is not None]
        if not changes:
            return ClipReport(
                gradients.total, gradients.total, known.one, threshold, known.false, known.zero, known.one, *details,
                gradients.names, gradients.norms, skip, self._estimates(),
            )  # fmt: skip
        share, before, after = _largest_share(changes), gradients.total, now.total
        everything = share is known.one
        clipped = known.true if everything else share > 0
        coefficient = after / before if everything else torch.where(clipped, after / before, known.one)
        cosine = known.one
        if not all(action.straight for action in changes):
            products = now.of_all(inner_products(raw, now.tensors)) if raw else _products(gradients, now, changes)
            cosine = torch.where(clipped, _cosine(products, before * after), known.one)
        return ClipReport(
            before, after, coefficient, threshold, clipped, share, cosine, *details,
            gradients.names, gradients.norms, skip, self._estimates(),
        )  # fmt: skip

    def step(
        self,
        optimizer: torch.optim.Optimizer,
        closure: Callable[[], torch.Tensor | float] | None = None,
        *,
        measured: bool = False,
    ) -> UpdateReport | None:
        """Let the optimiser step on what `clip` has clipped, and limit what it does to those weights.

        A ``closure``, which torch's LBFGS needs, computes the gradients, clips them by this clipper and returns the
        loss; the optimiser may call it several times. Returns the measurements if asked to, or if there are rules on
        updates, for which they are made anyway. Rules on updates also undo an update that is not finite: norm_before
        tells, and norm_after is zero.
        """
        if closure is None:
            before = self._take_before(measured=measured)
            optimizer.step()
        else:
            before = self._step_on(closure, optimizer, measured=measured)
        if before is None:
            return None
        return before.limit(self._on_updates, optimizer) if self._on_updates else before.measure()

    def _step_on(
        self, closure: Callable[[], torch.Tensor | float], optimizer: torch.optim.Optimizer, *, measured: bool
    ) -> WeightsBefore | None:
        """Let the optimiser step; returns the weights from when it first called the closure."""
        at_first: list[WeightsBefore | None] = []

        def evaluated() -> torch.Tensor | float:
            self._clipped = None
            loss = closure()
            if self._clipped is None:
                raise UsageError("the closure does not clip: call clip(model.named_parameters()) in it, after backward")
            at_first.append(self._take_before(measured=measured and not at_first))
            return loss

        optimizer.step(evaluated)  # type: ignore[arg-type]
        return at_first[0] if at_first else None

    def _take_before(self, *, measured: bool) -> WeightsBefore | None:
        """The weights that the step begins with, where they were kept for rules or are to be measured."""
        before, self._before = self._before, None
        return WeightsBefore(self._clipped or (), self._shards) if before is None and measured else before

    def state_dict(self) -> dict[str, Any]:
        """The state of every rule, its tensors named by the rule's place; the rules' names; and the state's version."""
        state = {f"{i}.{key}": value for i, rule in enumerate(self._rules) for key, value in rule.state_dict().items()}
        return {"version": _VERSION, "rules": list(self.names), "state": state}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take the state back. Raises CheckpointError if it was saved by other rules, or another version of them."""
        try:
            version, rules, state = saved["version"], list(saved["rules"]), dict[str, torch.Tensor](saved["state"])
        except (LookupError, TypeError, ValueError) as error:
            raise CheckpointError(f"this is no state of a clipper: {error}") from error
        if version != _VERSION or rules != list(self.names):
            raise _other_rules(f"version {version} of the state of {rules}", self.names)
        try:
            for i, rule in enumerate(self._rules):
                own = f"{i}."
                rule.load_state_dict({k.removeprefix(own): v for k, v in state.items() if k.startswith(own)})
            known = sorted(self.state_dict()["state"])
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise _other_rules(f"{sorted(state)}, and does not fit ({error})", self.names) from error
        if sorted(state) != known:
            raise _other_rules(sorted(state), known)

    def _complain_of_what_was_forgotten(self) -> None:
        if self._inside and not self._detachers:
            raise UsageError("a clipping rule acts inside the model: call clip.attach(model) before training")
        if self._before is not None and self._before.left():
            raise UsageError("a clipping rule limits updates: call clip.step(optimizer) in place of optimizer.step()")

    def _estimates(self) -> State:
        return {f"{i}.{key}": value for i, rule in enumerate(self._rules) for key, value in rule.estimates().items()}


@lru_cache(maxsize=64)
def _alike(weight: float, shape: torch.Size, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A tensor of one number, which takes the room of one."""
    return torch.tensor(weight, dtype=dtype, device=device).expand(shape)


def _largest(gradients: Gradients, *, detailed: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest magnitude and the place of its tensor."""
    known = constants(gradients.total.device)
    if not detailed:
        return known.nan, known.nowhere
    if not gradients.tensors:
        return known.zero, known.first
    if gradients.shards or not free_to_look(gradients.total) or certainly_not_finite(gradients.total):
        largest, at = gradients.peaks.max(dim=0)
        return largest, at
    norms = gradients.norms.tolist()
    largest, size, number = gradients.total, -1.0, len(norms)
    for i in sorted(range(len(norms)), key=norms.__getitem__, reverse=True):
        if norms[i] < _SURELY * size:
            break  # no element is larger than the norm of its tensor: most tensors need not be looked through
        low, high = torch.aminmax(gradients.tensors[i])
        end = high if float(high) >= -float(low) else -low
        if (float(end), -i) > (size, -number):
            largest, size, number = end, float(end), i
    return largest, whole(number)


def _last_finite(thresholds: Sequence[torch.Tensor], known: Constants) -> torch.Tensor:
    """The last of the thresholds that is finite; infinite if none is."""
    found = thresholds[0] if thresholds else known.infinite
    for threshold in thresholds[1:]:
        found = torch.where(threshold < torch.inf, threshold, found)
    return found


def _largest_share(changes: Sequence[Action]) -> torch.Tensor:
    """The share of elements changed, () float64, by the rule that changed most."""
    shares = [action.share.double() for action in changes if action.share is not None]
    return shares[0] if len(shares) == 1 else torch.stack(shares).amax()


def _products(before: Gradients, after: Gradients, changes: Sequence[Action]) -> torch.Tensor:
    """The inner product of each tensor before with it after, (N,): a tensor that was not turned keeps its direction."""
    lengths = before.norms * after.norms
    turns = [action.cosines for action in changes if action.cosines is not None]
    return lengths * turns[-1] if turns else lengths


def _cosine(products: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """Of the angle between two gradients; 1 where one of them is zero."""
    cosine = (products.sum() / length).clamp(-1, 1)  # rounding may exceed it
    return torch.where(length > 0, cosine, torch.ones_like(cosine))


def _other_rules(saved: object, own: object) -> CheckpointError:
    return CheckpointError(
        f"the clipping state is {saved}, this clipper has {own}; "
        "keep the clipping settings that it was saved with, or do not load it, to begin afresh"
    )
