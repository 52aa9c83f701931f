"""Every malformed data file of the table, through the command line: clear sentences, exit code 3, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.data.test_malformed_data import MALFORMED, Case


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_a_malformed_data_file_ends_with_its_sentences_and_exit_code_3(case: Case, run: Run, tmp_path: Path) -> None:
    (tmp_path / "d.wav").mkdir()
    path = case.make(tmp_path)
    code, out, err = run("data", "validate", path)
    assert code == 3
    for sentence in case.expected(path):
        assert sentence in out + err
