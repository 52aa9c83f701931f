"""``asrtrain config check``."""

from __future__ import annotations

from asrtrain.cli.options import ConfigFile, Overrides


def check(config: ConfigFile, overrides: Overrides = None) -> None:
    """Check a configuration: every mistake in one sentence, with its line. Reads no audio."""
    from asrtrain.config import load_config
    from asrtrain.run_config import RunConfig

    load_config(config, RunConfig, overrides or ())
    print(f"{config}: no mistakes")
