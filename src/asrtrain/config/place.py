"""Where a configuration value stands: its path of keys, and the file and line (or command-line option) it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast, final

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""What a YAML file can hold."""

KeyPath = tuple[str | int, ...]
"""The keys and list indices from the top of a configuration to a value."""


def dotted(path: KeyPath) -> str:
    """``("data", "train", 0, "split")`` is written ``data.train.0.split``, as on the command line."""
    return ".".join(str(part) for part in path)


def plain(value: object) -> Plain:
    """A value of Python's in the types that YAML has: any mapping as a dict, any sequence but text as a list.

    What is of another kind stays, for the complaint about it.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return cast("Plain", value)


def value_at(data: Plain, path: KeyPath) -> Plain:
    """The value at a path, or None where the path leads nowhere."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(str(part))
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


@final
@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the path of the value, and what is wrong with it, in words."""

    path: KeyPath
    sentence: str


@final
@dataclass(frozen=True, slots=True)
class Origins:
    """Tells for every path who wrote it: a line of the file, or a ``--set``."""

    file: Path
    lines: dict[KeyPath, int]
    overridden: frozenset[tuple[str, ...]] = frozenset()

    def describe(self, problem: Problem) -> str:
        """One line for the user: ``config.yaml:12: model.hidden_size: …`` or ``--set model.hidden_size: …``."""
        key = f"{dotted(problem.path)}: " if problem.path else ""
        if self.is_overridden(problem.path):
            return f"--set {key}{problem.sentence}"
        line = self._line(problem.path)
        return f"{self.file}:{line}: {key}{problem.sentence}" if line else f"{self.file}: {key}{problem.sentence}"

    def is_overridden(self, path: KeyPath) -> bool:
        """Whether a ``--set`` wrote the value, or made the place for it that the file does not have."""
        keys = tuple(str(part) for part in path)
        if any(keys[:length] in self.overridden for length in range(len(keys) + 1)):
            return True
        return path not in self.lines and any(given[: len(keys)] == keys for given in self.overridden)

    def in_order(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems in the order of the file's lines, each once."""
        return sorted(dict.fromkeys(problems), key=lambda problem: self._line(problem.path))

    def _line(self, path: KeyPath) -> int:
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 0)
