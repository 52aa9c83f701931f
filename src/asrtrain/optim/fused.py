"""Fused steps without the preparations: torch sorts all tensors by device and type at every step.

On a small model that takes longer than the step itself. A run's parameters are all alike.
"""

from __future__ import annotations

from typing import Any

import torch


def adam_step(optimizer: torch.optim.Adam) -> None:
    """A step of a fused `torch.optim.Adam`, or of AdamW, which is one: the same operations, and the same bits.

    Parameters without a gradient stay as they are.
    """
    for group in optimizer.param_groups:
        trained = [parameter for parameter in group["params"] if parameter.grad is not None]
        if not trained:
            continue
        states = [optimizer.state[parameter] for parameter in trained]
        if not all(states):
            _begin(optimizer, group)
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        # Of torch.amp's GradScaler, which leaves unscaling and skipping to fused optimisers.
        scale, overflow = getattr(optimizer, "grad_scale", None), getattr(optimizer, "found_inf", None)
        beta1, beta2 = group["betas"]
        (torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_)(
            trained,
            [parameter.grad for parameter in trained],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [state["max_exp_avg_sq"] for state in states] if group["amsgrad"] else [],
            steps,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=group["amsgrad"],
            maximize=group["maximize"],
            grad_scale=scale,
            found_inf=overflow,
        )
        if overflow is not None:
            torch._foreach_sub_(steps, [overflow] * len(steps))


def _begin(optimizer: torch.optim.Adam, group: dict[str, Any]) -> None:
    """Make the moments of parameters that have none yet, as torch does; raises RuntimeError for sparse gradients."""
    optimizer._init_group(group, [], [], [], [], [], [])  # type: ignore[no-untyped-call]
