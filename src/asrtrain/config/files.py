"""The files and folders that a configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asrtrain.config.base import Config
from asrtrain.config.place import KeyPath

Named = tuple[KeyPath, Path, Config]
"""Where a path stands, what it is, and the component that it belongs to."""


def named_files(config: Config, within: KeyPath = ()) -> Iterator[Named]:
    """Every path in a configuration, in the order of its keys."""
    for key in type(config).model_fields:
        value = getattr(config, key)
        if isinstance(value, Path):
            yield (*within, key), value, config
        elif isinstance(value, Config):
            yield from named_files(value, (*within, key))
        elif isinstance(value, tuple):
            for place, item in enumerate(value):
                if isinstance(item, Config):
                    yield from named_files(item, (*within, key, place))
