"""The default of a key, as the plain data that a YAML file would hold."""

from __future__ import annotations

from pathlib import Path
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


def short_default(config: type[Config], key: str) -> Plain:
    """The default, a component written as its name and whatever differs from that component's own defaults."""
    default = config.model_fields[key].get_default(call_default_factory=True)
    if isinstance(default, tuple | list):
        return [_short(item) for item in default]
    if isinstance(default, dict):
        return {key: _short(value) for key, value in default.items()}
    return _short(default)


def _short(default: object) -> Plain:
    if not isinstance(default, Config) or "name" not in type(default).model_fields:
        return _plain(default)
    name = cast("str", getattr(default, "name", ""))
    differing = default.model_dump(mode="json", exclude_defaults=True)
    return {"name": name, **differing} if differing else name


def _plain(default: object) -> Plain:
    if isinstance(default, Config):
        return cast("Plain", default.model_dump(mode="json"))
    if isinstance(default, tuple | list):
        return [_plain(item) for item in default]
    if isinstance(default, Path):
        return str(default)
    return None if default is PydanticUndefined else cast("Plain", default)
