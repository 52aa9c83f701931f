"""What a clipping rule may promise. Its class lists its promises; the tests hold every rule to every one of them."""

from __future__ import annotations

from enum import Enum


class Promise(Enum):
    """A property of C, the rule, for every gradient g; c is its threshold, N a norm of its scope."""

    NO_OP = "C(g) = g, bit for bit, where nothing exceeds the threshold"
    BOUND = "N(C(g)) ≤ c, for every part that the scope measures"
    ELEMENT_BOUND = "|C(g)_i| ≤ c, for every element"
    IDEMPOTENT = "C(C(g)) = C(g)"
    JOINT_SCALING = "C_kc(k g) = k C_c(g), bit for bit for k a power of two"
    SCALE_FREE = "C(k g) = k C(g): there is no unit to choose"
    SCALE_BLIND = "C(k g) = C(g): only the direction counts"
    MONOTONE = "‖C_c(g)‖ grows with c"
    NON_EXPANSIVE = "‖C(a) - C(b)‖ ≤ ‖a - b‖"
    DIRECTION = "C(g) points where g points"
    SIGNS = "no element changes its sign"
    ZERO = "C(0) = 0"
    PARTITION = "splitting, merging and reordering tensors changes nothing"
    HUGE = "finite gradients stay finite, and do not vanish however large they are"
    HALF_PRECISION = "float16 and bfloat16 gradients are clipped as float64 ones are, to 1 %"

    NO_SYNC = "where gradients are not on the CPU and not sparse, the host never waits for a number"


EVERY = frozenset(Promise)
UNTOUCHED = EVERY - {Promise.BOUND, Promise.ELEMENT_BOUND, Promise.SCALE_BLIND, Promise.NO_SYNC}
"""What a rule promises that leaves gradients alone, and looks at updates."""
SHORTENING = EVERY - {Promise.ELEMENT_BOUND, Promise.SCALE_FREE, Promise.SCALE_BLIND}
"""What a rule promises that shortens the whole gradient to a fixed norm, a projection."""
LEARNED = frozenset(
    {
        Promise.NO_OP,
        Promise.BOUND,
        Promise.SCALE_FREE,
        Promise.SIGNS,
        Promise.ZERO,
        Promise.HALF_PRECISION,
        Promise.HUGE,
        Promise.NO_SYNC,
    }
)
"""What a rule promises that shortens gradients to a norm that it learns."""
