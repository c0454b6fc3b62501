"""Experiments read from YAML: profiles, --set, contradictions, and errors with file, line and near name."""

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
from agerepro.config.divisions import OfficialLists, OfficialSplit, Protocol, RandomParts, Split, validation_share
from agerepro.config.fields import renamed
from agerepro.config.learning import (
    Age,
    AgeGroups,
    AgeRange,
    Classification,
    Cosine,
    CrossEntropy,
    MeanLoss,
    Plateau,
    Regression,
    Steps,
    VarianceLoss,
)
from agerepro.config.schema import AsItIs, AutoSklearn, BaseStage, ColumnFeature, Experiment, RegressionStage, Ridge, Stage
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


def check(experiment: Experiment, path: Path) -> None:
    """UserError that names the file and says which settings contradict each other."""
    names: list[str] = []
    for stage in experiment.stages:
        if stage.name in names:
            raise UserError(f"{path}: two stages are called {stage.name!r}.")
        if stage.start_from not in ("weights", "scratch", *names):
            raise UserError(
                f"{path}: stage {stage.name!r} starts from {stage.start_from!r}, which is no earlier stage."
                f"{suggest(stage.start_from, ['weights', 'scratch', *names])}"
            )
        if stage.start_from == "weights" and experiment.backbone.weights == "none":
            raise UserError(f"{path}: stage {stage.name!r} starts from weights, but backbone.weights is none.")
        if stage.protocol is None and experiment.machine.xla and experiment.machine.devices != 1:
            raise UserError(f"{path}: XLA trains stage {stage.name!r} on one device only: leave `machine.xla` or `machine.devices` out.")
        if of := stage.predictions_of():
            if of not in names:
                raise UserError(f"{path}: stage {stage.name!r} needs predictions of {of!r}, which is no earlier stage.{suggest(of, names)}")
            if not isinstance(experiment.stage(of).target, Age):
                raise UserError(f"{path}: stage {stage.name!r} needs ages that {of!r} predicts, but that learns something else.")
        _check_target(experiment, stage, f"{path}: stage {stage.name!r}")
        names.append(stage.name)
        _check_division(stage.protocol, stage.split, stage is experiment.stages[-1], f"{path}: stage {stage.name!r}")
        validates = validation_share(stage.split or stage.protocol) > 0
        if isinstance(stage, RegressionStage):
            _check_regression(experiment, stage, f"{path}: stage {stage.name!r}")
            continue
        _check_schedule(stage, f"{path}: stage {stage.name!r}")
        if isinstance(stage.schedule, Plateau) and not validates:
            raise UserError(f"{path}: stage {stage.name!r} changes its rate by the validation loss but has no validation part.")
        if stage.checkpoint_selection == "best_validation" and not validates:
            raise UserError(f"{path}: stage {stage.name!r} keeps the best validated weights but has no validation part.")
    target = experiment.stages[-1]
    for stage in experiment.stages[:-1]:
        by_lists = isinstance(stage.split, OfficialSplit) and isinstance(target.protocol, OfficialLists)
        if stage.data == target.data and not by_lists:
            raise UserError(
                f"{path}: stage {stage.name!r} trains on {stage.data}, which stage {target.name!r} tests: every tested photo would "
                f"have been trained on. Take other data for {stage.name!r}, or leave the stage out; where the authors have lists, write "
                "`split: official` there and `protocol: official` here."
            )
    for stage in experiment.stages:
        seen = experiment.as_of(stage)
        for loss in seen.loss if isinstance(stage, Stage) else ():
            if isinstance(loss, (CrossEntropy, MeanLoss, VarianceLoss)) != isinstance(seen.head, Classification):
                raise UserError(
                    f"{path}: the loss {type(loss).__name__} does not fit a {type(seen.head).__name__} head (stage {stage.name!r})."
                )
        if not any(loss.weight for loss in seen.loss):
            raise UserError(f"{path}: every loss of stage {stage.name!r} weighs 0, so nothing would be learnt: give one of them a weight.")
    last = experiment.as_of(target)
    if isinstance(last.head, Regression) != (experiment.decode == "output"):
        raise UserError(f"{path}: `decode: output` belongs to `head: regression` or a regression on features, and to no other.")
    for head in (experiment.head, *(stage.head for stage in experiment.stages)):
        if isinstance(head, Regression) and head.init != "he_normal" and experiment.backbone.dense:
            raise UserError(f"{path}: a ridge regression starts the head on the backbone's own features: leave `backbone.dense` out.")
        if isinstance(head, Regression) and head.init == "ridge_best_subset" and head.features != "stages":
            raise UserError(f"{path}: `init: ridge_best_subset` chooses among the statistics of stages: write `features: stages`.")
        if isinstance(head, Classification) and isinstance(head.ages, AgeRange) and not head.ages.divides():
            raise UserError(f"{path}: steps of {head.ages.step:g} do not lead from {head.ages.first} to {head.ages.last}: change `step`.")
    if experiment.own.columns and experiment.own.pattern:
        raise UserError(f"{path}: `own` has both columns of a CSV file and a pattern of photos' names: leave one of them out.")
    if isinstance(experiment.stages[-1].target, AgeGroups) and experiment.decode != "argmax":
        raise UserError(f"{path}: the last stage tells age groups apart, of which one is predicted: write `decode: argmax`.")


def _check_target(experiment: Experiment, stage: BaseStage, where: str) -> None:
    if stage.head is not None and not stage.target.by_own_head:
        raise UserError(f"{where} learns names by a softmax over them and has no other head: leave its `head` out.")
    if not isinstance(stage.target, Age):
        return
    head = experiment.as_of(stage).head
    if stage.target.residual_of and isinstance(head, Classification) and head.label == "exact":
        raise UserError(f"{where} learns residuals, which are decimals: write `label: nearest` in its `head`.")
    if stage.target.residuals == "cross_fitted":
        _check_cross_fitting(experiment, stage, where)


def _check_cross_fitting(experiment: Experiment, stage: BaseStage, where: str) -> None:
    if not stage.target.residual_of:
        raise UserError(f"{where} has cross-fitted residuals of no stage: write `residual_of` as well.")
    named = experiment.stage(stage.target.residual_of)
    if named.data != stage.data or not isinstance(named.split, OfficialSplit):
        raise UserError(f"{where} cross-fits residuals of {named.name!r}, which has to train on the same data with `split: official`.")
    if isinstance(named.target, Age) and named.target.residual_of and named.target.residuals != "cross_fitted":
        raise UserError(
            f"{where} cross-fits residuals of {named.name!r}, whose own are of photos that {named.target.residual_of!r} has seen: write "
            "`residuals: cross_fitted` there, too."
        )


def _check_schedule(stage: Stage, where: str) -> None:
    schedule = stage.schedule
    if isinstance(schedule, Steps):
        if bool(schedule.every) == bool(schedule.at):
            raise UserError(f"{where} changes its rate by steps: write either `every: EPOCHS` or `at: [EPOCH, ...]` under `steps`.")
        if list(schedule.at) != sorted(set(schedule.at)):
            raise UserError(f"{where} changes its rate at epochs {list(schedule.at)}: write each once, in rising order.")
    if isinstance(schedule, Cosine) and schedule.to >= stage.optimizer.learning_rate:
        raise UserError(
            f"{where} falls from the rate {stage.optimizer.learning_rate:g} to {schedule.to:g}, which is no fall: lower `cosine.to`."
        )


def _check_regression(experiment: Experiment, stage: RegressionStage, where: str) -> None:
    if stage is not experiment.stages[-1]:
        raise UserError(f"{where} is a regression; only the last stage may be one.")
    experiment = experiment.as_of(stage)
    if not isinstance(experiment.head, Regression) or not isinstance(stage.target, Age):
        raise UserError(f"{where} is a regression of ages on features: write `features: {{layer: ...}}` in it, or `head: regression`.")
    if stage.head is not None and stage.features is not None:
        raise UserError(f"{where} has `features` and a `head`, which would say other ones: leave one of them out.")
    if isinstance(stage.features, ColumnFeature):
        if stage.target.residual_of:
            raise UserError(f"{where} takes one number a photo and learns no residuals: leave `residual_of` out.")
        if bool(stage.features.column) == bool(stage.features.predicted_by):
            raise UserError(f"{where} takes one number a photo: write `column` or `predicted_by` in `features`, and one of them only.")
        if isinstance(stage.regressor, (Ridge, AutoSklearn)):
            raise UserError(f"{where} takes one number a photo: its regressor may be svr, flaml or as_it_is.")
    elif isinstance(stage.regressor, AsItIs):
        raise UserError(f"{where} predicts one number as it is: write `features: {{column: ...}}` or `{{predicted_by: ...}}`.")
    if experiment.backbone.dense:
        raise UserError(f"{where} sees the backbone's own features: leave `backbone.dense` out.")
    if isinstance(stage.regressor, Ridge) and stage.regressor.choose != "strength" and experiment.head.features != "stages":
        raise UserError(f"{where} takes subsets of the statistics of stages: write `head: {{regression: {{features: stages}}}}`.")
    if experiment.sample_weights != "none" and not isinstance(stage.regressor, Ridge):
        raise UserError(f"{where} weighs all photos alike: leave `sample_weights` out; only `regressor: ridge` heeds them.")
    if validation_share(stage.protocol) > 0:
        raise UserError(f"{where} chooses inside its training part and needs no validation part: set the protocol's share of it to 0.")


def _check_division(protocol: Protocol | None, split: Split | None, last: bool, where: str) -> None:
    if last and protocol is None:
        raise UserError(f"{where} is the last one and needs a protocol, for instance `protocol: leave_one_subject_out`.")
    if not last and protocol is not None:
        raise UserError(f"{where} has a protocol; only the last stage may.")
    if protocol is not None and split is not None:
        raise UserError(f"{where} has both a split and a protocol; the protocol holds out its own validation part.")
    if isinstance(protocol, RandomParts) and protocol.test + protocol.validation >= 1:
        raise UserError(
            f"{where} tests {protocol.test:g} and validates on {protocol.validation:g} of all, which leaves nothing to train on: the two "
            "shares must come to less than 1."
        )


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
    profiles = values.pop("profiles", None) or {}
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
    values, _ = read_yaml(path)
    return (PAPER, *(values.get("profiles") or {}))


def experiment_to_dict(experiment: schema.Experiment) -> dict[str, Any]:
    """Every setting, defaults included, as plain values: what a digest is taken of and what lies in the run.

    A setting that is one of several kinds keeps the name of its kind: `{"subject_kfold": {"folds": 5, ...}}`.
    """
    return {field.name: to_dict(getattr(experiment, field.name)) for field in dataclasses.fields(experiment)}


_KINDS = {kind: name for table in (*UNIONS.values(), learning.LOSSES) for name, kind in table.items()}


def to_dict(value: Any) -> Any:
    """Dataclasses and tuples as dictionaries and lists that YAML and JSON can hold and `read_experiment` can read again."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inside = {field.name: to_dict(getattr(value, field.name)) for field in dataclasses.fields(value)}
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
    for key, value in (over or {}).items():
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
    for above, step in zip(("", *path), path):
        if above in UNIONS and isinstance(place, dict) and step not in place:
            place.clear()  # another kind takes the place of the one that stood there
        if isinstance(place, list):
            place = _entry(place, step, setting)
        elif isinstance(place, dict):
            if not isinstance(place.get(step), (dict, list)):
                place[step] = {place[step]: {}} if isinstance(place.get(step), str) and step in UNIONS else {}
            place = place[step]
        else:
            raise UserError(f"--set {setting}: {step!r} lies below a plain value.")
    if not isinstance(place, dict):
        raise UserError(f"--set {setting}: {last!r} cannot be set there.")
    try:
        place[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--set {setting}: the value is not YAML: {error}") from None


def _entry(entries: list[Any], name: str, setting: str) -> Any:
    """The settings of a list's entry: of a stage by its name, of a loss by its kind."""
    names = [_name_of(entry) for entry in entries]
    if name not in names:
        what = "stage" if all(isinstance(entry, dict) and "name" in entry for entry in entries) else "entry"
        raise UserError(f"--set {setting}: no {what} {name!r}.{suggest(name, names)}")
    at = names.index(name)
    entry = entries[at]
    if isinstance(entry, dict) and "name" in entry:
        return entry
    if isinstance(entry, str):
        entry = {name: {}}
    elif not isinstance(entry[name], dict) and name in learning.LOSSES:  # its first setting alone, as a plain value
        entry = {name: {dataclasses.fields(learning.LOSSES[name])[0].name: entry[name]}}
    entries[at] = entry
    return entry[name]


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
            lines_of_error.append(
                f"{where}: unknown key {name!r}.{renamed(str(key[-1])) or suggest(str(key[-1]), _keys_at(kind, values, key[:-1]))}"
            )
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
        words.append(str(values.get("name", step)) if isinstance(step, int) and isinstance(values, dict) else str(step))
    return ".".join(words)


def _value_at(values: Any, step: Any) -> Any:
    if isinstance(values, list) and isinstance(step, int):
        return values[step]
    return values.get(step) if isinstance(values, dict) else None


def _keys_at(kind: Any, values: Any, key: Key) -> list[str]:
    for step in key:
        kind, values = _inside(kind, step), _value_at(values, step)
        if kind is schema.Stage and isinstance(values, dict) and "regressor" in values:
            kind = schema.RegressionStage
        if step in UNIONS and isinstance(values, dict):
            ((name, _),) = values.items()  # as the union has read it
            kind = UNIONS[step][name]
    return [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []


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
