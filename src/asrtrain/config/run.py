"""The configuration of a run as its components see it, to check themselves against the rest."""

from __future__ import annotations

from typing import Any, Protocol


class Run(Protocol):
    """All settings of a run, asked for by dotted keys, so that no component needs to know another one's class."""

    def value(self, key: str) -> Any:  # noqa: ANN401 - the value of any key
        """The value of a dotted key such as ``data.unit``; None where there is no such key."""

    def changed(self, *keys: str) -> list[str]:
        """Those of the keys whose values are not the default ones."""
