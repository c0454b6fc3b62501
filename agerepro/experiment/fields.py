"""Kinds of values that settings are made of, and how YAML becomes them."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

STRICT = ConfigDict(extra="forbid")
Share = Annotated[float, Field(strict=True, ge=0, lt=1)]
Positive = Annotated[int, Field(strict=True, gt=0)]


def as_tuple(value: Any) -> Any:
    """A YAML list as a tuple, so that settings can be frozen; anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


def one_of(table: dict[str, type]) -> BeforeValidator:
    """Read `name`, `{name: value}` or `{name: {key: value}}` as the table's dataclass of that name."""

    def read(value: Any) -> Any:
        if isinstance(value, tuple(table.values())) or value is None:
            return value
        if isinstance(value, str):
            value = {value: {}}
        if not (isinstance(value, dict) and len(value) == 1):
            raise ValueError(f"write one of {', '.join(table)}, with its settings indented under it")
        ((name, settings),) = value.items()
        if name not in table:
            raise ValueError(f"{name!r} is not one of {', '.join(table)}")
        kind = table[name]
        if not isinstance(settings, dict):
            names = [one.name for one in fields(kind)]
            if not names:
                raise ValueError(f"{name} takes no value")
            settings = {names[0]: settings}
        return kind(**settings)

    return BeforeValidator(read)
