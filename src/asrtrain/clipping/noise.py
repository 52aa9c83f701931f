"""Gradient noise that fades (Neelakantan et al., 2015)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, final

import numpy as np
import torch
from pydantic import Field

from asrtrain.clipping.interface import Action, ClipRule, ClipRuleConfig, Gradients, State
from asrtrain.clipping.parts.turning import Rows, turned
from asrtrain.clipping.promises import Promise
from asrtrain.clipping.thresholds import Positive


class NoiseConfig(ClipRuleConfig):
    """Add noise that fades: g ← g + n, n ~ N(0, σ_t²), σ_t² = eta / (1 + t)^gamma.

    The noise depends on the seed, the step and the parameter's name alone, so all ranks and resumes agree. No clipping
    by itself: a stage to put before it.
    """

    source: ClassVar = "Neelakantan et al., 2015"
    cost: ClassVar = "a random number for every weight, drawn on the CPU"
    examples: ClassVar = ({}, {"eta": 0.3, "gamma": 0.0})

    name: Literal["noise"] = "noise"
    eta: Annotated[Positive, Field(le=1e8)] = 0.01
    """The variance at the first step."""
    gamma: Annotated[float, Field(ge=0, le=10)] = 0.55
    """How fast the variance fades."""

    @property
    def promises(self) -> frozenset[Promise]:
        return frozenset({Promise.NON_EXPANSIVE, Promise.HUGE, Promise.NO_SYNC})  # the same noise is added to both

    def build(self, seed: int) -> ClipRule:
        return _Noise(self, seed)


@final
class _Noise(ClipRule):
    def __init__(self, config: NoiseConfig, seed: int) -> None:
        self._config, self._seed, self._step = config, seed, 0

    def apply(self, gradients: Gradients) -> Action:
        deviation = (self._config.eta / (1 + self._step) ** self._config.gamma) ** 0.5
        generators = [self._generator(name) for name in gradients.names]

        def change(i: int, _rows: Rows, piece: torch.Tensor) -> None:
            # Drawn on the host: every device adds the same numbers.
            noise = torch.randn(piece.shape, generator=generators[i], dtype=torch.float32)
            piece.add_(noise.to(piece.device, piece.dtype, non_blocking=True), alpha=deviation)

        self._step += 1
        everything = torch.ones_like(gradients.total)
        return turned(gradients, change, torch.full_like(everything, float("inf")), everything)

    def _generator(self, name: str) -> torch.Generator:
        sequence = np.random.SeedSequence([self._seed, self._step, zlib.crc32(name.encode())])
        return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))

    def state_dict(self) -> State:
        return {"step": torch.tensor(self._step)}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        self._step = int(state["step"])
