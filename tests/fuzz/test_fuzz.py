"""A few hundred damaged inputs of every kind; ``python -m tests.fuzz`` tries as many as there is time for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, seeded

CASES = {"checkpoint": 40, "run": 60, "language": 3000, "clipping": 400}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_damaged_the_answer_is_a_result_or_a_sentence(name: str, tmp_path: Path) -> None:
    target = TARGETS[name](tmp_path)
    outcomes = {target.case(seeded(name, 7, number)) for number in range(CASES[name])}
    assert len(outcomes) > 1
