"""The real configuration tree: shipped files, its schema, its starting file, and every component of every table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from asrtrain.config import Config, dump_config, load_config
from asrtrain.config.loading import build_config
from asrtrain.config.reference import write_reference
from asrtrain.config.schema import json_schema
from asrtrain.config.shape import Choice, Entries, Items, Section, Shape, alternatives, fields
from asrtrain.config.shipped import needed_first
from asrtrain.config.template import write_template
from asrtrain.config.yaml12 import parse_yaml
from asrtrain.hmm import DNNHMMConfig
from asrtrain.run_config import RunConfig

SHIPPED = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
# The class of the mistake decides whether a schema can see it: these are structural.
STRUCTURAL = [
    "trainng: {}",
    "training: {max_epoch: 3}",
    "training: {max_epochs: 0}",
    'training: {max_epochs: "3"}',
    "training: long",
    "training: {precision: fp64}",
    "optimizer: {name: adm}",
    "optimizer: {lr: 0.1}",
    "optimizer: {name: adam, nesterov: true}",
    "optimizer: {name: sgd, lr: -1}",
    "optimizer: {name: sgd, nesterov: on}",
    "features: 3",
    "schedule: cosin",
    "seed: true",
    "output_dir: 3",
    "clipping: {name: nrom, threshold: 1}",
    "clipping: {name: norm, threshold: -1}",
    "clipping: [none, {name: value, threshold: zero}]",
    "augmentation: {speed: fast}",
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json_schema(RunConfig)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(json.loads(json.dumps(schema, allow_nan=False)))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_load_and_satisfy_the_schema(path: Path, validator: Draft202012Validator) -> None:
    validator.validate(parse_yaml(path.read_text(encoding="utf-8")).data)
    load_config(path, RunConfig)


@pytest.mark.parametrize("writer", [dump_config, write_template])
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_survive_being_written(
    path: Path, writer: Callable[[Config], str], validator: Draft202012Validator, tmp_path: Path
) -> None:
    config = load_config(path, RunConfig)
    copy = tmp_path / "copy.yaml"
    copy.write_text(writer(config), encoding="utf-8")
    assert load_config(copy, RunConfig) == config
    validator.validate(parse_yaml(copy.read_text(encoding="utf-8")).data)


@pytest.mark.parametrize("text", STRUCTURAL)
def test_the_schema_refuses_structural_mistakes(text: str, validator: Draft202012Validator) -> None:
    good = {"data": {"train": {"name": "fsdd", "folder": "x"}}, "model": "cnn"}
    validator.validate(good)
    wrong = parse_yaml(text).data
    assert isinstance(wrong, dict)
    assert not validator.is_valid(good | wrong)


def components(shape: Shape) -> Iterator[type[Config]]:
    """Every section and component class below a shape."""
    for option in alternatives(shape):
        if isinstance(option, Items | Entries):
            yield from components(option.item if isinstance(option, Items) else option.value)
        classes = [option.annotation] if isinstance(option, Section) else []
        classes += option.table.values() if isinstance(option, Choice) else []
        for config in classes:
            yield config
            yield from (inner for field in fields(config).values() for inner in components(field))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_run_that_a_configuration_learns_from_can_be_made_from_another(path: Path) -> None:
    model = load_config(path, RunConfig).model
    runs = [str(model.align_from)] if isinstance(model, DNNHMMConfig) else []
    commands = [command for _, command in needed_first(path.read_text(encoding="utf-8"))]
    assert [command.rpartition(" ")[2] for command in commands] == runs


ALL = list(dict.fromkeys(components(Section(RunConfig))))


def minimal(config: type[Config]) -> dict[str, Any]:
    """Values for the keys that have no default, found by the kind of value they want."""
    candidates: tuple[Any, ...] = (
        *(1, 1.0, "x", "cnn", "topk", "nan_feature", ["x"], {"name": "fsdd", "folder": "x"}, {"train": "x"}),
    )
    data: dict[str, Any] = {}
    for key, field in config.model_fields.items():
        if field.is_required():
            data[key] = next(value for value in candidates if _accepted(config, key, value))
    return data


def _accepted(config: type[Config], key: str, value: object) -> bool:
    from asrtrain.config.problems import find_problems

    return not find_problems(fields(config)[key], value)


@pytest.mark.parametrize(
    "config", [c for c in ALL if c.__name__ not in ("DataConfig", "RunConfig")], ids=lambda c: c.__name__
)
def test_every_component_is_documented_writable_and_readable(config: type[Config], tmp_path: Path) -> None:
    assert config.__doc__
    assert set(config.model_fields) - set(config.descriptions()) <= {"name"}
    value = build_config(config, minimal(config))
    for writer in (dump_config, write_template):
        path = tmp_path / "component.yaml"
        path.write_text(writer(value) or "{}", encoding="utf-8")
        if type(value).model_fields:
            assert load_config(path, config) == value


def test_the_reference_page_has_every_component_and_key() -> None:
    page = write_reference(RunConfig)
    for config in ALL:
        for key in config.model_fields:
            assert key == "name" or f"| `{key}` |" in page
    assert "PosixPath" not in page
    assert "annotation=" not in page
