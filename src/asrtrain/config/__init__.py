"""The configuration mechanism: one base class, one way to choose a component, one YAML dialect, one kind of complaint."""

from asrtrain.config.base import Config, FilePath, Range
from asrtrain.config.choice import OneOf

__all__ = ["Config", "FilePath", "OneOf", "Range"]
