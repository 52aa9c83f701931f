"""Libraries that only some choices need: imported when these are made."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from asrtrain.errors import UsageError

_PAIRED = {"torchaudio": "torch"}
"""Libraries that load beside one version of another alone."""


@contextmanager
def optional(library: str, purpose: str) -> Iterator[None]:
    """Stand around the import of a library that ``purpose`` needs, and around nothing else.

    ``library`` is the name that pip knows. Raises UsageError with the command that mends it where the library is
    missing or does not load. Any exception may say so: a library built for other versions than are installed raises
    OSError, AttributeError or RuntimeError as often as ImportError.
    """
    try:
        yield
    except Exception as error:
        absent = isinstance(error, ModuleNotFoundError)
        state = "does not load" if _installed(library) else "is not installed"
        cause = " ".join(str(error).split())[:200]
        raise UsageError(f"{purpose} needs {library}, which {state} ({cause}): {_remedy(library, absent)}") from error


def _remedy(library: str, absent: bool) -> str:
    """The pip command for this Python: what asrtrain asks for, or where that is installed, the same files again.

    ``absent``: a module is missing, perhaps of a library that this one needs, which pip then finds out.
    """
    wanted = [_asked(name) for name in (_PAIRED.get(library), library) if name]
    again = not absent and all(_is_met(requirement) for requirement in wanted)
    options = ["--force-reinstall", "--no-deps"] if again else []
    named = [f"{requirement.name}{requirement.specifier}" for requirement in (wanted[-1:] if again else wanted)]
    return shlex.join([sys.executable, "-m", "pip", "install", *options, *named])


def _asked(library: str) -> Requirement:
    """What asrtrain asks for of a library: any version, where asrtrain itself is not installed."""
    try:
        asked = [Requirement(text) for text in requires("asrtrain") or ()]
    except PackageNotFoundError:
        asked = []
    return next((requirement for requirement in asked if requirement.name == library), Requirement(library))


def _is_met(requirement: Requirement) -> bool:
    installed = _installed(requirement.name)
    return installed is not None and requirement.specifier.contains(installed, prereleases=True)


def _installed(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
