"""The files that a configuration needs and that are not there."""

from __future__ import annotations

from asrtrain.config.files import named_files
from asrtrain.config.place import Problem
from asrtrain.data.corpora.interface import CorpusConfig
from asrtrain.run_config import RunConfig

_MADE = ("output_dir",)
"""Keys of what a run makes itself."""

_RUNS = ("align_from", "start_from")
"""Keys that name another run."""


def missing_files(config: RunConfig) -> list[Problem]:
    """A sentence for every file or folder that training or testing would not find."""
    found = []
    for key, path, owner in named_files(config):
        if key[-1] in _MADE or path.exists():
            continue
        hint = "set it to yours"
        if isinstance(owner, CorpusConfig):
            hint = f"get the corpus with 'asrtrain data get {owner.name} --output {path}', or name its folder"
        if key[-1] in _RUNS:
            hint = f"train that run first: asrtrain fit CONFIG --output {path}; or name its CONFIG here"
        found.append(Problem(key, f"there is no file or folder {str(path)!r}; {hint}"))
    return found
