"""What the tests of configurations are handed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from drawing_config import DrawingConfig


@pytest.fixture
def drawing() -> type[DrawingConfig]:
    return DrawingConfig


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a configuration file and says where."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "drawing.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
