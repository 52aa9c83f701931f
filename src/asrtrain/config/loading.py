"""From a YAML file to a checked configuration, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from asrtrain.config.base import Config
from asrtrain.config.overrides import Override, apply_overrides, parse_override
from asrtrain.config.place import Origins, Plain, dotted, plain
from asrtrain.config.problems import find_problems, problems_of
from asrtrain.config.shape import Section, shape_of
from asrtrain.config.writing import block
from asrtrain.config.yaml12 import MAX_CHARACTERS, Document, YamlError, parse_yaml
from asrtrain.errors import UsageError
from asrtrain.files.reading import read_stream

C = TypeVar("C", bound=Config)
T = TypeVar("T")
_MAX_BYTES = 4 * MAX_CHARACTERS
"""No character takes more than four bytes in UTF-8."""


def load_config(path: Path, model: type[C], overrides: Sequence[str] = ()) -> C:
    """The configuration in a file, with the ``key.path=value`` overrides applied.

    Raises:
        UsageError: one line for every mistake, with the file and line, or the ``--set``, that made it.
    """
    document = _read_document(path)
    return _checked(path, document, model, [parse_override(text) for text in overrides])


def origins_of(path: Path, overrides: Sequence[str] = ()) -> Origins:
    """Who wrote which value of a configuration that can be loaded. Raises UsageError."""
    given = frozenset(parse_override(text).path for text in overrides)
    return Origins(path, _read_document(path).lines, given)


def build_config(model: type[C], data: dict[str, Plain], overrides: Sequence[str] = ()) -> C:
    """A configuration from plain data, with overrides; raises `UsageError` as `load_config` does."""
    return _checked(Path(model.__name__), Document(data), model, [parse_override(text) for text in overrides])


def read_value(adapter: TypeAdapter[T], annotation: object, value: object, key: str) -> T:
    """A value that a program gives for a field of this annotation; ``key`` is what complaints call the field.

    Raises UsageError: one line for every mistake.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        problems = problems_of(error, shape_of(annotation), plain(value), (key,))
        raise UsageError("\n".join(f"{dotted(one.path)}: {one.sentence}" for one in problems)) from None


def dump_config(config: Config) -> str:
    """YAML with every key written out, which loads to an equal configuration whatever the environment."""
    return "\n".join(block(config.model_dump(mode="json"))) + "\n"


def _checked(path: Path, document: Document, model: type[C], overrides: Sequence[Override]) -> C:
    data = apply_overrides(document.data, overrides, model)
    origins = Origins(path, document.lines, frozenset(override.path for override in overrides))
    problems = [problem for problem in document.problems if not origins.is_overridden(problem.path)]
    problems += [problem for override in overrides for problem in override.problems]
    unreadable = {problem.path for problem in problems}
    problems += [problem for problem in find_problems(Section(model), data) if problem.path not in unreadable]
    if problems:
        raise UsageError("\n".join(origins.describe(problem) for problem in origins.in_order(problems)))
    return model.model_validate(data)


def _read_document(path: Path) -> Document:
    try:
        document = parse_yaml(_read_text(path))
    except YamlError as error:
        raise UsageError(f"{path}:{error.line}: {error.sentence}") from None
    if document.data is None:
        raise UsageError(f"{path}: the file is empty; 'asrtrain config init' writes one to start from")
    if not isinstance(document.data, dict):
        raise UsageError(f"{path}: a configuration is a mapping of keys to values, such as 'seed: 0'")
    return document


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give a YAML file")
    content = read_stream(path, _MAX_BYTES, UsageError)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None
