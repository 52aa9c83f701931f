"""``asrtrain config check``."""

from __future__ import annotations

from asrtrain.cli.options import ConfigFile, Overrides
from asrtrain.interrupts import held
from asrtrain.terminal import show


def check(config: ConfigFile, overrides: Overrides = None) -> None:
    """Check a configuration: every mistake in one sentence, with its line, and every file that is not there."""
    with held():
        from asrtrain.app.files import missing_files
        from asrtrain.config import load_config
        from asrtrain.config.loading import origins_of
        from asrtrain.errors import DataError
        from asrtrain.run_config import RunConfig

    missing = missing_files(load_config(config, RunConfig, overrides or ()))
    if missing:
        origins = origins_of(config, overrides or ())
        raise DataError("\n".join(origins.describe(problem) for problem in origins.in_order(missing)))
    show(f"{config}: no mistakes")
