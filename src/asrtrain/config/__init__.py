"""The configuration mechanism: one base class, one way to choose a component, one YAML dialect."""

from asrtrain.config.base import Config, FilePath, Range
from asrtrain.config.choice import OneOf
from asrtrain.config.loading import dump_config, load_config, read_value

__all__ = ["Config", "FilePath", "OneOf", "Range", "dump_config", "load_config", "read_value"]
