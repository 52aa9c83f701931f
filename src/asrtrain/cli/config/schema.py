"""``asrtrain config schema``."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON Schema of configurations, from which editors complete and check them."""
    import json

    from asrtrain.config.schema import json_schema
    from asrtrain.run_config import RunConfig

    print(json.dumps(json_schema(RunConfig), ensure_ascii=False, indent=2))
