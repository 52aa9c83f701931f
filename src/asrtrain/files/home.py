"""The user's folder, which paths may write as ~; shells expand it in some places and not in others (--output=~/x)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

Written = TypeVar("Written", str, Path)


def at_home(path: Written) -> Written:
    """The path with the folder of the user in place of ~ or ~NAME; as it is where there is no such user.

    Args:
        path: as somebody wrote it.
    """
    expanded = os.path.expanduser(path)  # noqa: PTH111 - which leaves ~NAME alone where pathlib raises
    return type(path)(expanded)
