"""A YAML file as plain values plus the line of every key, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from agerepro.errors import UserError

Key = tuple[Any, ...]  # path of keys and list positions from the top


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """The file's mapping and {key path: line number from 1}. UserError for bad YAML, a repeated key, or no mapping on top."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"There is no experiment file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} must hold settings as `key: value` lines.")
    lines: dict[Key, int] = {}
    for key, line in _lines(node, ()):
        if key in lines:
            raise UserError(f"{path}:{line}: {key[-1]!r} is given twice (first in line {lines[key]}).")
        lines[key] = line
    return values, lines


def line_of(lines: dict[Key, int], key: Key) -> int | None:
    """Line of the key, or of the nearest key above it."""
    while key:
        if key in lines:
            return lines[key]
        key = key[:-1]
    return None


def _lines(node: yaml.Node | None, above: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = (*above, key_node.value)
            yield key, key_node.start_mark.line + 1
            yield from _lines(value_node, key)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield (*above, position), item.start_mark.line + 1
            yield from _lines(item, (*above, position))
