"""``asrtrain info``."""

from __future__ import annotations

from asrtrain.cli.options import ReportFormat


def info(report_format: ReportFormat = "text") -> None:
    """Show versions, processors, GPUs and the corpora that are here: what a bug report needs."""
    import json

    from asrtrain.cli.environment import describe_environment

    found = describe_environment()
    if report_format == "json":
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:12}{_line(value)}")


def _line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item if item is not None else '(none)'}" for key, item in value.items()) or "none"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
