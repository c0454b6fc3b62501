"""What the settings' dataclasses are made of: kinds of numbers, unions that YAML names, old words and their new ones."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

STRICT = ConfigDict(extra="forbid")
Fraction = Annotated[float, Field(strict=True, ge=0, lt=1)]
Positive = Annotated[int, Field(strict=True, gt=0)]
Whole = Annotated[int, Field(strict=True)]
LATER = {"added_later": True}  # a field's metadata: at its default it names nothing, as before there was such a field
INTERNAL = {"internal": True}  # a field's metadata: the program sets it, no file does


def as_tuple(value: Any) -> Any:
    """A YAML list as a tuple, so that settings can be frozen; anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


# What settings were called before version 0.2, so that an old file is told the new word.
RENAMED = {
    "also_at": "input_sizes",
    "backbone_share": "backbone_lr_multiplier",
    "batch": "batch_size",
    "classes": "classification",
    "classifier": "head",
    "drop_shared_people": "drop_overlapping_subjects",
    "example_weights": "sample_weights",
    "groups": "age_groups",
    "halve_after": "schedule: {plateau: EPOCHS}",
    "images": "random",
    "keep": "checkpoint_selection",
    "kfold": "subject_kfold",
    "leave_one_person_out": "leave_one_subject_out",
    "official_folds": "predefined_folds",
    "people": "subjects, or group as a split",
    "plain": "none",
    "ridge_of_subset": "ridge_best_subset",
    "several": "multiple_faces",
    "share": "fraction",
    "spread": "std",
    "start": "init",
    "subject": "identity",
    "test_people": "fixed_test_subjects",
    "test_time": "tta",
    "validation_people": "validation_subjects",
    "value": "regression as a head, output as a decoding",
}


def renamed(word: str) -> str:
    """A sentence that names the new word for an old key or value; "" for any other."""
    return f" {word!r} is now called {RENAMED[word]}." if word in RENAMED else ""


def tagged_union(table: dict[str, type]) -> BeforeValidator:
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
            raise ValueError(f"{name!r} is not one of {', '.join(table)}.{renamed(name)}")
        return table[name](**spelt_out(name, table[name], settings))

    return BeforeValidator(read)


def spelt_out(name: str, kind: type, settings: Any) -> dict[str, Any]:
    """The settings of one of several kinds as a mapping: what stands alone, as in `{adam: 0.001}`, is the kind's first. ValueError for a
    value of a kind that has no settings; name: what YAML calls it."""
    if isinstance(settings, dict):
        return settings
    names = [field.name for field in fields(kind)]
    if not names:
        raise ValueError(f"{name} takes no value")
    return {names[0]: settings}
