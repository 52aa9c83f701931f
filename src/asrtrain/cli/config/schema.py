"""``asrtrain config schema``."""

from __future__ import annotations

from asrtrain.terminal import show_json


def schema() -> None:
    """Print the JSON Schema of configurations, from which editors complete and check them."""
    from asrtrain.config.schema import json_schema
    from asrtrain.run_config import RunConfig

    show_json(json_schema(RunConfig))
