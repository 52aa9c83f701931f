"""What the README shows works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import yaml

from asrtrain.cli import main
from asrtrain.clipping import build_clipper

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_clipping_setting_can_be_built(block: str) -> None:
    build_clipper(yaml.safe_load(block)["clipping"])


def test_the_loop_of_one_s_own_runs() -> None:
    (block,) = [block for block in blocks("python") if "build_clipper" in block]
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    names = {"model": model, "optimizer": optimizer, "loss": model(torch.ones(4, 3)).square().sum()}
    exec(compile(block, "README.md", "exec"), names)
    assert float(names["report"].norm_after) <= float(names["report"].norm_before)


def test_every_command_of_the_readme_exists(capsys: pytest.CaptureFixture[str]) -> None:
    shown = set(re.findall(r"^asrtrain (\w+(?: (?:init|check|schema|get))?)", README, re.MULTILINE))
    assert len(shown) >= 4
    for command in shown:
        assert main([*command.split(), "--help"]) == 0
    capsys.readouterr()
