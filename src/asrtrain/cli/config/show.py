"""``asrtrain config show``."""

from __future__ import annotations

from asrtrain.cli.options import ConfigFile, Overrides
from asrtrain.terminal import show as show_text


def show(config: ConfigFile, overrides: Overrides = None) -> None:
    """Print a configuration with every default written out, as it is saved in the run folder."""
    from asrtrain.config import dump_config, load_config
    from asrtrain.run_config import RunConfig

    show_text(dump_config(load_config(config, RunConfig, overrides or ())), end="")
