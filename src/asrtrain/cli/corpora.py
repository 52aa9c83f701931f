"""Where corpora lie unless the user says otherwise: a folder each, by their names."""

from __future__ import annotations

import os
from pathlib import Path

from asrtrain.files.home import at_home

VARIABLE = "ASRTRAIN_CORPORA"


def corpora_folder() -> Path:
    """The folder of all corpora: $ASRTRAIN_CORPORA, else ``corpora`` in the working directory."""
    return at_home(Path(os.environ.get(VARIABLE) or "corpora"))


def is_here(folder: Path, name: str) -> bool:
    """Whether the corpus of this name lies in the folder of corpora."""
    return (folder / name).is_dir()
