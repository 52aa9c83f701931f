"""Nested state taken apart into named tensors and plain numbers, and put together again: no pickle is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

_MARK = "<tensor>"


def split(tree: object, name: str = "") -> tuple[Any, dict[str, torch.Tensor]]:
    """Take a tree of dicts, lists, tensors and plain values apart.

    Returns the tree as JSON can hold it, with ``{"<tensor>": name}`` in place of each tensor, and the tensors by name.
    Raises TypeError for what is neither.
    """
    if isinstance(tree, torch.Tensor):
        return {_MARK: name}, {name: tree.detach().to("cpu", copy=True).contiguous()}
    if isinstance(tree, Mapping):
        return _split_items({str(key): value for key, value in tree.items()}, name)
    if isinstance(tree, list | tuple):
        parts = [split(value, f"{name}/{i}") for i, value in enumerate(tree)]
        return [plain for plain, _ in parts], {k: v for _, found in parts for k, v in found.items()}
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree, {}
    raise TypeError(f"{name} is a {type(tree).__name__}, which is neither a plain value nor a tensor")


def _split_items(items: dict[str, object], name: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    plain: dict[str, Any] = {}
    tensors: dict[str, torch.Tensor] = {}
    for key, value in items.items():
        plain[key], found = split(value, f"{name}/{key}" if name else key)
        if doubled := tensors.keys() & found.keys():
            raise TypeError(f"two tensors are called {doubled.pop()}")
        tensors |= found
    return plain, tensors


def join(plain: Any, tensors: Mapping[str, torch.Tensor]) -> Any:  # noqa: ANN401 - a tree of anything JSON can hold
    """Put together what ``split`` took apart. Raises KeyError if a tensor is missing, or is named by no name."""
    if isinstance(plain, dict):
        if set(plain) == {_MARK}:
            name = plain[_MARK]
            if not isinstance(name, str):
                raise KeyError(f"a tensor is named by a {type(name).__name__}")
            return tensors[name]
        return {key: join(value, tensors) for key, value in plain.items()}
    if isinstance(plain, list):
        return [join(value, tensors) for value in plain]
    return plain
