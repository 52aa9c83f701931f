"""What docs/scale.md shows can be run: its scripts are scripts, its manifests YAML, its options the program's."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from typer.main import get_command

from asrtrain.cli.commands import app
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("script", [text for language, text in BLOCKS if language in ("", "bash")])
def test_scripts_are_scripts(script: str) -> None:
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_manifest_of_kubernetes_starts_what_the_page_says() -> None:
    (manifest,) = (text for language, text in BLOCKS if language == "yaml")
    service, job = yaml.safe_load_all(manifest)
    pods = job["spec"]["template"]["spec"]
    assert pods["subdomain"] == service["metadata"]["name"] == service["spec"]["selector"]["job-name"]
    (line,) = pods["containers"][0]["args"]
    assert f"--nnodes {job['spec']['completions']} " in line
    assert f"--master-addr {job['metadata']['name']}-0.{pods['subdomain']} " in line
    mounted = {mount["name"] for mount in pods["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pods["volumes"]}


@pytest.mark.parametrize("command", ["fit", "eval", "transcribe"])
def test_options_are_the_program_s(command: str) -> None:
    options = {name for parameter in get_command(app).commands[command].params for name in parameter.opts}  # type: ignore[attr-defined]
    shown = set(re.findall(rf"asrtrain {command} [^`'\n]*", PAGE))
    assert shown
    for line in shown:
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line
