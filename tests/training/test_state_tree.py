from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asrtrain.training.tree import join, split

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
TENSORS = st.builds(
    lambda dtype, shape: (torch.arange(math.prod(shape)).reshape(shape) % 2).to(dtype),
    st.sampled_from(DTYPES),
    st.lists(st.integers(0, 3), max_size=3),
)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), TENSORS)
NAMES = st.text(min_size=1, max_size=4).filter(lambda name: "/" not in name)
TREES = st.dictionaries(
    NAMES,
    st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner), max_leaves=8),
    max_size=4,
)


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and set(one) == set(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@settings(deadline=None, max_examples=80)
@given(TREES)
def test_what_is_split_and_written_as_json_is_joined_again(tree):
    plain, tensors = split(tree)
    assert same(join(json.loads(json.dumps(plain)), tensors), tree)


def test_tensors_are_named_by_their_place_and_copied():
    moment = torch.ones(2)
    plain, tensors = split({"a": {"b": [1, moment]}, "c": (torch.tensor(3),)})
    assert plain == {"a": {"b": [1, {"<tensor>": "a/b/1"}]}, "c": [{"<tensor>": "c/0"}]}
    moment += 1
    assert tensors["a/b/1"].tolist() == [1.0, 1.0]


def test_what_is_neither_plain_nor_a_tensor_is_refused_by_name():
    with pytest.raises(TypeError, match="optimizer/hook is a function"):
        split({"optimizer": {"hook": lambda: None}})


def test_two_tensors_of_one_name_are_refused():
    with pytest.raises(TypeError, match="two tensors are called a/b"):
        split({"a": {"b": torch.ones(1)}, "a/b": torch.zeros(1)})


def test_a_missing_tensor_is_an_error():
    plain, _ = split({"a": torch.ones(1)})
    with pytest.raises(KeyError):
        join(plain, {})


@pytest.mark.parametrize("name", [["a"], {"b": "a"}, 3, None])
def test_a_tensor_whose_name_is_no_text_is_an_error_of_the_same_kind(name):
    with pytest.raises(KeyError, match="a tensor is named by a"):
        join({"a": {"<tensor>": name}}, {"a": torch.ones(1)})
