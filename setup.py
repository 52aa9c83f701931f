"""Takes configs/ into the wheel, as asrtrain/configs; everything else stands in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """An editable installation reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "asrtrain", "configs")
            shutil.rmtree(target, ignore_errors=True)  # what an earlier build left
            shutil.copytree("configs", target)


setup(cmdclass={"build_py": BuildWithConfigs})
