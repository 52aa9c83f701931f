"""``asrtrain config list``."""

from __future__ import annotations

from asrtrain.terminal import show


def list_shipped() -> None:
    """List the configurations that come with asrtrain; 'config copy' brings one here."""
    from asrtrain.config.shipped import shipped

    found = shipped()
    width = max(map(len, found))
    for name, what in found.items():
        show(f"{name:<{width}}  {what}")
