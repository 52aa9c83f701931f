"""The libraries of the other back ends, and marks for tests that need them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest


def _loaded(library: str) -> ModuleType | None:
    try:
        return import_module(library)
    except Exception:  # whatever a library raises that was built for another version of torch
        return None


torchaudio = _loaded("torchaudio")
NEEDS = {
    "torchaudio": pytest.mark.skipif(torchaudio is None, reason="torchaudio does not load here"),
    "librosa": pytest.mark.skipif(_loaded("librosa") is None, reason="librosa does not load here"),
}
OTHER_BACK_ENDS = [pytest.param(library, marks=mark) for library, mark in NEEDS.items()]
