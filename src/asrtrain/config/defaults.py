"""The default of a key, as the plain data that a YAML file would hold."""

from __future__ import annotations

from typing import cast

from pydantic_core import PydanticUndefined

from asrtrain.config.base import Config
from asrtrain.config.place import Plain


def default_of(config: type[Config], key: str) -> Plain:
    """The default of a key that a class has; None where the key must be given."""
    return _plain(config.model_fields[key].get_default(call_default_factory=True))


def plain_value(config: Config, key: str) -> Plain:
    """The value of a key of a checked configuration."""
    return cast("Plain", config.model_dump(mode="json", include={key})[key])


def _plain(default: object) -> Plain:
    if isinstance(default, Config):
        return cast("Plain", default.model_dump(mode="json"))
    if isinstance(default, tuple | list):
        return [_plain(item) for item in default]
    return None if default is PydanticUndefined else cast("Plain", default)
