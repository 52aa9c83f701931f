"""asrtrain: a command-line trainer of speech recognisers. Its commands are functions here too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asrtrain.version import __version__

if TYPE_CHECKING:
    from asrtrain.app import align, calibrate, compare, crossval, evaluate, explain, fit, grads, report, transcribe

__all__ = [
    "__version__",
    "align",
    "calibrate",
    "compare",
    "crossval",
    "evaluate",
    "explain",
    "fit",
    "grads",
    "report",
    "transcribe",
]


def __getattr__(name: str) -> object:
    """The functions of ``asrtrain.app``, imported (and PyTorch with them) when first asked for."""
    if name not in __all__[1:]:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from asrtrain import app

    function: object = getattr(app, name)
    return function


def __dir__() -> list[str]:
    return __all__
