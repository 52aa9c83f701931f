"""Every example of the documents works: programs print what is said that they print, settings can be built."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from asrtrain.clipping import CLIPPERS, build_clipper

ROOT = Path(__file__).resolve().parent.parent
CLIPPING = (ROOT / "docs" / "clipping.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
SHOWN = re.findall(
    r"\]\(\.\./(examples/\w+/\w+\.py)\)[^\n]*\n\n```\n(.*?)```",
    (ROOT / "docs" / "literature.md").read_text(encoding="utf-8"),
    re.DOTALL,
)


@pytest.mark.parametrize(("program", "output"), SHOWN, ids=[Path(program).stem for program, _ in SHOWN])
def test_the_page_on_the_literature_shows_what_its_programs_print(
    program: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(ROOT / program), run_name="__main__")
    assert capsys.readouterr().out == output


def test_a_loop_of_one_s_own_clips_and_learns(tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / "own_loop.py")]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert not ran.stderr
    lines = ran.stdout.splitlines()
    losses, before, after = zip(*(map(float, re.findall(r"\d\.\d+", line)) for line in lines), strict=True)
    assert losses[-1] < 0.1 < losses[0]
    assert before[0] > after[0] == 0.5
    assert all(b >= a for b, a in zip(before, after, strict=True))
    assert not list(tmp_path.iterdir())


def test_a_loop_of_one_s_own_is_short_and_needs_torch_and_clipping_alone() -> None:
    code = (ROOT / "examples" / "own_loop.py").read_text(encoding="utf-8")
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 20
    assert re.findall(r"^(?:from|import) ([\w.]+)", code, re.MULTILINE) == ["torch", "asrtrain.clipping"]


def test_every_example_stands_in_a_document() -> None:
    pages = "".join(p.read_text(encoding="utf-8") for p in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    assert not [example.name for example in EXAMPLES if str(example.relative_to(ROOT)) not in pages]
    assert len(SHOWN) == len(EXAMPLES) - 1 >= 5


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", CLIPPING, re.DOTALL))
def test_every_setting_of_the_clipping_page_can_be_built(block: str) -> None:
    build_clipper(yaml.safe_load(block)["clipping"])


@pytest.mark.parametrize("name", CLIPPERS)
def test_every_rule_has_its_place_on_the_clipping_page(name: str) -> None:
    if f"Also understood as `{name}`" in CLIPPING:
        return
    assert f"| [`{name}`](#{name}) |" in CLIPPING
    section = CLIPPING.split(f"\n### {name}\n")[1].split("\n### ")[0]
    assert all(f"| `{key}` |" in section for key in CLIPPERS[name].model_fields if key != "name")
    assert {"- Source: ", "- Cost: "} <= {line[: line.find(":") + 2] for line in section.splitlines()}
    assert re.search(rf"```yaml\nclipping: (?:{name}|{{name: {name}, .*}})\n```", section)


def test_the_loop_of_the_clipping_page_serves_every_kind_of_rule() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", CLIPPING, re.DOTALL)
    model = torch.nn.Linear(3, 1)
    before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    losses = 100 * model(torch.ones(4, 3)).squeeze(1)
    names = {"model": model, "losses": losses, "optimizer": torch.optim.SGD(model.parameters(), lr=10.0)}
    exec(compile(block, "clipping.md", "exec"), names)
    moved = torch.nn.utils.parameters_to_vector(model.parameters()).detach() - before
    assert float(names["report"].norm_after) == pytest.approx(1.0)  # per_utterance's, and not 200
    assert float(moved.norm()) == pytest.approx(0.75)  # max_change's, and not 10
