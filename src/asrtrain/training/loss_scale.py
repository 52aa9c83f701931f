"""The factor that keeps half-precision gradients from vanishing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

_FIRST, _LEAST = 2.0**16, 1.0
_SOUND_STEPS_TO_GROW = 2000


@final
class LossScale:
    """What losses are multiplied by: halved when that overflows, doubled after 2,000 sound steps in a row.

    The same numbers as torch.amp.GradScaler's, but only an overflow lowers it: a loss that is not a number
    would be none at any scale. Where it is switched off it is 1.
    """

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self.value = _FIRST if enabled else 1.0
        self._sound_steps = 0

    @property
    def can_fall(self) -> bool:
        """Whether a gradient that is not finite may be the scale's fault."""
        return self.value > _LEAST

    def overflowed(self) -> None:
        """Halve it."""
        self.value, self._sound_steps = max(_LEAST, self.value / 2), 0

    def held(self) -> None:
        """Count a sound step."""
        if not self.enabled:
            return
        self._sound_steps += 1
        if self._sound_steps == _SOUND_STEPS_TO_GROW:
            self.value, self._sound_steps = self.value * 2, 0

    def state_dict(self) -> dict[str, Any]:
        """What must survive a restart; nothing where it is switched off."""
        return {"scale": self.value, "sound_steps": self._sound_steps} if self.enabled else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it back. Raises ValueError if it was switched on or off since."""
        if bool(state) != self.enabled:
            raise ValueError("training.precision was changed")
        if self.enabled:
            self.value, self._sound_steps = float(state["scale"]), int(state["sound_steps"])
