"""The commands from Python."""

from __future__ import annotations

import subprocess
import sys

import pytest

import asrtrain
import asrtrain.app


@pytest.mark.parametrize("name", ["crossval", "evaluate", "fit", "report", "transcribe"])
def test_the_commands_are_functions_of_the_package(name: str) -> None:
    assert getattr(asrtrain, name) is getattr(asrtrain.app, name)


def test_nothing_else_is() -> None:
    with pytest.raises(AttributeError, match="'train'"):
        asrtrain.train  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_imports_no_torch() -> None:
    subprocess.run([sys.executable, "-c", "import asrtrain, sys; sys.exit('torch' in sys.modules)"], check=True)


def test_the_functions_are_listed_before_anything_is_imported() -> None:
    assert {"fit", "evaluate", "transcribe"} <= set(dir(asrtrain))
