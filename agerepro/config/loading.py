"""Experiments read from YAML: profiles, --set, and errors with file, line and near name."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import TypeAdapter, ValidationError

from agerepro.config import divisions, learning, schema
from agerepro.config.checks import check
from agerepro.config.fields import renamed, spelt_out
from agerepro.errors import UserError, suggest

Key = tuple[Any, ...]  # path of keys and list positions from the top


def read_yaml(path: Path, *, what: str = "experiment file") -> tuple[dict[str, Any], dict[Key, int]]:
    """The file's mapping and {key path: line number from 1}. UserError for bad YAML, a repeated key, or no mapping on top."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"There is no {what} {path}.") from None
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


PAPER = "paper"  # the profile that overrides nothing
UNIONS: dict[str, dict[str, Any]] = {  # keys under which one of several kinds stands
    "head": learning.HEADS,
    "optimizer": learning.OPTIMIZERS,
    "schedule": learning.SCHEDULES,
    "split": divisions.SPLITS,
    "protocol": divisions.PROTOCOLS,
    "target": learning.TARGETS,
    "regressor": schema.REGRESSORS,
}
T = TypeVar("T")


def read_experiment(path: Path, *, profile: str = PAPER, settings: Sequence[str] = ()) -> schema.Experiment:
    """Read, override and check an experiment.

    profile: `paper` takes the file as it stands; any other must stand under `profiles:`. A profile's mapping replaces
    key by key, one level deep; a profile's list, and what is one of several kinds (`head`), replaces the whole.
    settings: `KEY=VALUE` with dots, for instance `stages.fgnet.batch_size=32`; values are read as YAML.
    """
    values, lines = read_yaml(path)
    profiles = _profiles(path, values, lines)
    values.pop("profiles", None)
    if profile != PAPER:
        if profile not in profiles:
            raise UserError(f"{path} has no profile {profile!r}.{suggest(profile, [PAPER, *profiles])}")
        values, lines = _overlaid(values, lines, profiles[profile], ("profiles", profile))
    for setting in settings:
        _set(values, setting)
    experiment = _validated(schema.Experiment, path, values, lines)
    check(experiment, path)
    return experiment


def read_settings(path: Path, kind: type[T], *, what: str) -> T:
    """A YAML file as a dataclass of settings, whose mistakes are told as an experiment's are; what: the kind of file, for an error."""
    return _validated(kind, path, *read_yaml(path, what=what))


def profiles_of(path: Path) -> tuple[str, ...]:
    """Names of the profiles that a file offers, `paper` first."""
    return (PAPER, *_profiles(path, *read_yaml(path)))


def _profiles(path: Path, values: dict[str, Any], lines: dict[Key, int]) -> dict[str, dict[str, Any]]:
    profiles = values.get("profiles") or {}
    if not isinstance(profiles, dict):
        raise UserError(f"{path}:{lines['profiles',]}: `profiles` must hold `name: {{key: value}}` lines.")
    for name, over in profiles.items():
        where = f"{path}:{line_of(lines, ('profiles', name))}"
        if not isinstance(over or {}, dict):
            raise UserError(f"{where}: the profile {name!r} must hold settings as `key: value` lines.")
        if not isinstance(name, str) or name == PAPER:
            raise UserError(f"{where}: no profile can be called {name!r}: take a word, and not {PAPER!r}, which is the file as it stands.")
    return {name: over or {} for name, over in profiles.items()}


def experiment_to_dict(experiment: schema.Experiment) -> dict[str, Any]:
    """Every setting, defaults included, as plain values: what a digest is taken of and what lies in the run.

    A setting that is one of several kinds keeps the name of its kind: `{"subject_kfold": {"folds": 5, ...}}`.
    """
    return {field.name: to_dict(getattr(experiment, field.name)) for field in dataclasses.fields(experiment)}


_KINDS = {kind: name for table in (*UNIONS.values(), learning.LOSSES) for name, kind in table.items()}


def _words_of(kind: Any) -> list[str]:
    """The keys that a file may have for this kind of settings."""
    return [field.name for field in dataclasses.fields(kind) if "internal" not in field.metadata]


def to_dict(value: Any) -> Any:
    """Dataclasses and tuples as dictionaries and lists that YAML and JSON can hold and `read_experiment` can read again."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inside = {name: to_dict(getattr(value, name)) for name in _words_of(type(value))}
        return {_KINDS[type(value)]: inside} if type(value) in _KINDS else inside
    if isinstance(value, (tuple, list)):
        return [to_dict(item) for item in value]
    if isinstance(value, dict):
        return {key: to_dict(item) for key, item in value.items()}
    return value


def settings_that_name(value: Any) -> Any:
    """As `to_dict`, but without what was added later (`fields.LATER`) and stands at its default: it would name anew what it changes nothing
    of."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = {
            field.name: settings_that_name(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not ("added_later" in field.metadata and getattr(value, field.name) == field.default)
        }
        return {_KINDS[type(value)]: kept} if type(value) in _KINDS else kept
    if isinstance(value, (tuple, list)):
        return [settings_that_name(item) for item in value]
    return value


def _overlaid(base: dict[str, Any], lines: dict[Key, int], over: dict[str, Any], at: Key) -> tuple[dict[str, Any], dict[Key, int]]:
    values, lines = copy.deepcopy(base), dict(lines)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict) and key not in UNIONS:
            values[key].update(value)
        else:
            values[key] = value
            lines = {old: line for old, line in lines.items() if old[:1] != (key,)}
    lines.update({key[len(at) :]: line for key, line in lines.items() if key[: len(at)] == at and len(key) > len(at)})
    return values, lines


def _set(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals:
        raise UserError(f"--set {setting!r}: write KEY=VALUE, for instance stages.fgnet.batch_size=32.")
    *path, last = key.split(".")
    place: Any = values
    kinds: dict[str, Any] = {}  # of which one stands in this place, by name
    for step in path:
        if isinstance(place, list):
            place, kinds = _entry(place, step, setting), {}
            continue
        _make_room(place, step, kinds)
        if step in kinds:
            place[step] = _spelt_out(kinds[step], step, place.get(step, {}), setting)
        elif not isinstance(place.get(step), (dict, list)):
            place[step] = {place[step]: {}} if isinstance(place.get(step), str) and step in UNIONS else {}
        place, kinds = place[step], UNIONS.get(step, {})
    if not isinstance(place, dict):
        raise UserError(f"--set {setting}: {last!r} cannot be set there.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--set {setting}: the value is not YAML: {error}") from None
    _make_room(place, last, kinds)
    place[last] = value


def _make_room(place: dict[str, Any], step: str, kinds: dict[str, Any]) -> None:
    """Where one of several kinds stands, another takes its place."""
    if kinds and step not in place:
        place.clear()


def _spelt_out(kind: type, name: str, settings: Any, setting: str) -> dict[str, Any]:
    try:
        return spelt_out(name, kind, settings)
    except ValueError as error:
        raise UserError(f"--set {setting}: {error}.") from None


def _entry(entries: list[Any], name: str, setting: str) -> dict[str, Any]:
    """The settings of a list's entry, to be changed in place: of a stage by its name, of a loss by its kind."""
    names = [_name_of(entry) for entry in entries]
    if name not in names:
        what = "stage" if all(isinstance(entry, dict) and "name" in entry for entry in entries) else "entry"
        raise UserError(f"--set {setting}: no {what} {name!r}.{suggest(name, names)}")
    at = names.index(name)
    entry = entries[at]
    if isinstance(entry, dict) and "name" in entry:
        return entry
    if name not in learning.LOSSES:
        raise UserError(f"--set {setting}: nothing can be set below {name!r}.")
    settings = _spelt_out(learning.LOSSES[name], name, {} if isinstance(entry, str) else entry[name], setting)
    entries[at] = {name: settings}
    return settings


def _name_of(entry: Any) -> str:
    """The name of a stage, or the kind of an entry such as `cross_entropy` or `{mean: {weight: 0.2}}`."""
    if isinstance(entry, dict):
        return str(entry.get("name", next(iter(entry), "")))
    return str(entry)


def _validated(kind: type[T], path: Path, values: dict[str, Any], lines: dict[Key, int]) -> T:
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        raise UserError(_explained(kind, path, lines, values, error)) from None


def _explained(kind: type, path: Path, lines: dict[Key, int], values: dict[str, Any], error: ValidationError) -> str:
    lines_of_error = []
    for problem in error.errors():
        key = tuple(step for step in problem["loc"] if not (isinstance(step, str) and "[" in step))
        line = line_of(lines, key)
        where = f"{path}:{line}" if line else str(path)
        name = _named(values, key)
        if problem["type"] == "unexpected_keyword_argument":
            allowed = _keys_at(kind, values, key[:-1])
            hint = renamed(str(key[-1])) or (suggest(str(key[-1]), allowed) if allowed else " There are none at all.")
            lines_of_error.append(f"{where}: unknown key {name!r}.{hint}")
        elif problem["type"] in ("missing", "missing_argument"):
            lines_of_error.append(f"{where}: {name!r} is missing.")
        else:
            value = problem.get("input")
            lines_of_error.append(f"{where}: {name} = {value!r} is not allowed.{_hint(problem, value)}")
    return "\n".join(dict.fromkeys(lines_of_error))


def _yaml_number(value: float) -> str:
    """As YAML reads it as a number: 1e+30 is text, 1.0e+30 is not."""
    text = repr(value)
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def _hint(problem: Any, value: Any) -> str:
    if problem["type"] == "literal_error" and isinstance(value, str):
        if hint := renamed(value):
            return hint
        return suggest(value, problem["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", "))
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return f" YAML reads this as text; write {_yaml_number(float(value))}."
    return f" ({str(problem['msg']).removeprefix('Value error, ')})"


def _named(values: Any, key: Key) -> str:
    """The key with dots, a stage by its name instead of its number: as --set takes it."""
    words = []
    for step in key:
        values = _value_at(values, step)
        words.append(str(values.get("name") or step) if isinstance(step, int) and isinstance(values, dict) else str(step))
    return ".".join(words)


def _value_at(values: Any, step: Any) -> Any:
    if isinstance(values, list) and isinstance(step, int):
        return values[step]
    return values.get(step) if isinstance(values, dict) else None


def _keys_at(kind: Any, values: Any, key: Key) -> list[str]:
    kinds: dict[str, Any] = {}  # of which one stands in this place, by name
    for step in key:
        kind, values = _inside(kind, step), _value_at(values, step)
        kinds = {**UNIONS, "loss": learning.LOSSES}.get(step, {}) if isinstance(step, str) else kinds
        if not isinstance(values, dict):
            continue
        if kind is schema.Stage and "regressor" in values:
            kind = schema.RegressionStage
        elif kind in (schema.LayerFeatures, schema.ColumnFeature):
            kind = schema.kind_of_features(values)
        elif kinds:
            ((name, values),) = values.items()  # as the union has read it
            kind = kinds[name]
    return _words_of(kind) if dataclasses.is_dataclass(kind) else []


def _inside(kind: Any, step: Any) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(step, str):
        hints = getattr(kind, "__pydantic_fields__", {})
        return _bare(hints[step].annotation) if step in hints else None
    arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
    return _bare(arguments[-1]) if arguments else None


def _bare(kind: Any) -> Any:
    """The type without annotations; of a union the first dataclass."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, getattr(types, "UnionType", Union)):
        return next((bare for argument in get_args(kind) if dataclasses.is_dataclass(bare := _bare(argument))), kind)
    return kind
