"""Regressions on exported features, one a fold of the run that they are of: a run beside it, which tables and reports read as any other."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from agerepro.config.divisions import LeaveOneSubjectOut
from agerepro.config.learning import LayerFeatures
from agerepro.config.loading import check, experiment_to_dict, read_experiment, to_dict
from agerepro.config.schema import REGRESSORS, AutoSklearn, Experiment, Reproduces
from agerepro.errors import CheckFailed, UserError
from agerepro.faces.prepare import FaceDataset
from agerepro.faces.store import FaceStore
from agerepro.io import WHEN_FREE, config_hash, lock_folder, write_json, write_text
from agerepro.provenance import provenance
from agerepro.regression.exchange import META, read_exchange, read_meta
from agerepro.runs.derived import Regressor, as_regression, chain_of_weights
from agerepro.runs.features import name_of_start, sha256_in_manifest, stage_of
from agerepro.runs.layout import Run, find_run, parse_folds, run_folder
from agerepro.runs.local import raise_failures
from agerepro.splits.protocols import TRAIN, VALIDATION
from agerepro.tables import AGES, FOLDS, PHOTOS, read_table, write_table
from agerepro.training.exported import ExportedFeatures, exchanged_photos
from agerepro.training.folds import WEIGHTS, regression_runner
from agerepro.training.naming import FINAL
from agerepro.training.reporting import Reporter
from agerepro.training.stages import TrainingTask, training_task

BRIEF: dict[str, dict[str, int]] = {"autosklearn": {"seconds": 60, "seconds_a_model": 15}, "flaml": {"seconds": 10}}  # but of `paper`
PAPER_TABLE = ("koenig2019", "table5")
AGAIN = "`agerepro features` makes them anew."


@dataclass(frozen=True)
class Export:
    """Exported features: a folder for all folds, or one a fold [regression/exchange.py], and what meta.json of the first says."""

    place: Path
    folders: Mapping[int | None, Path]  # None stands for all folds
    meta: dict[str, Any]

    @property
    def of_folds(self) -> bool:
        """Whether each fold has features of its own weights."""
        return None not in self.folders


def find_export(place: Path) -> Export:
    """The export at `place`: a folder that `agerepro features` wrote. UserError where there is none, or several, which are listed."""
    if (place / META).is_file():
        return Export(place, {None: place}, read_meta(place))
    found = sorted(path.parent for path in place.glob(f"[0-9][0-9][0-9]*/{META}") if path.parent.name.isdigit())
    numbered: dict[int | None, Path] = {int(folder.name): folder for folder in found}
    if numbered:
        return Export(place, numbered, read_meta(found[0]))
    inside = sorted({path.parent for path in place.glob(f"[!.]*/{META}")} | {path.parents[1] for path in place.glob(f"[!.]*/000/{META}")})
    if len(inside) == 1:
        return find_export(inside[0])
    if inside:
        raise UserError(f"{place} holds features of {len(inside)} kinds; name one of:\n" + "\n".join(f"  {folder}" for folder in inside))
    raise UserError(f"{place} holds no exported features: there is no {META}. `agerepro features RUN` writes them.")


def regressor_of(engine: str, profile: str, settings: Mapping[str, Any]) -> Regressor:
    """The engine with these settings, and the paper's budget for a run of profile `paper`, else seconds. UserError for what it lacks."""
    kind = REGRESSORS[engine]
    known = to_dict(kind())[engine]
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise UserError(f"The engine {engine} takes no --{unknown[0].replace('_', '-')}; it takes {_options(known) or 'no settings'}.")
    defaults = BRIEF.get(engine, {}) if profile != "paper" else {}
    if engine == "autosklearn" and "seconds" in settings and "seconds_a_model" not in settings:
        defaults = {"seconds_a_model": max(1, min(settings["seconds"] // 4, 3_600))}
    regressor: Regressor = kind(**{**defaults, **settings})
    return regressor


def regress(
    export: Export, engine: str, settings: Mapping[str, Any], *, source: Path | None, folds: str | None, reporter: Reporter
) -> tuple[Run, list[int]]:
    """Fit the folds that nobody has fitted yet; the run that holds them, and which folds were asked for.

    engine, settings: as `regressor_of`; source: the run that the features are of, None for the one that they name; folds: as `--folds`.
    Raises CheckFailed where features, weights or folds are not those of the run, FoldsFailed where a search found nothing, and Interrupted
    where a stop is asked for.
    """
    run = _source_run(export, source)
    experiment = read_experiment(run.folder / "experiment.yaml")
    seed = int(_said(export, "run", "seed"))
    asked = parse_folds(folds, int(run.folds()["fold"].nunique()))
    _check_weights(export, run, experiment, seed)
    by_fold = _folders_by_fold(export, run, asked)
    photos = read_table(run.folder / "photos.csv", PHOTOS)
    _check_photos(by_fold, photos, run, experiment)
    regressor = regressor_of(engine, run.profile, settings)
    derived = _derived(export, run, experiment, regressor, seed)
    check(derived, run.folder / "experiment.yaml")
    task = _task(export, run, derived, photos, seed)
    name = f"{run.experiment}-{export.place.resolve().name}-{engine}"
    fitted = run_folder(run.folder.parents[2], paper=run.folder.parents[1].name, experiment=name, profile=run.profile, digest=task.digest)
    _describe(fitted, run, derived, task, export, _changes(experiment, run, derived, regressor))
    settled = {fold for (_, fold) in fitted.done([seed])} & set(asked)
    runner = regression_runner(
        derived.as_of(derived.stages[-1]),
        task,
        fitted.folds(),
        ExportedFeatures(by_fold),
        None,
        folder_of=lambda fold: fitted.fold_folder(seed, fold),
        labels={"experiment": name, "profile": run.profile},
    )
    what = f"folds of {engine}"

    def on_fold(fold: int, how: str) -> None:
        settled.add(fold)
        reporter.count(what, len(settled), len(asked))

    reporter.count(what, len(settled), len(asked))
    runner.run_all([fold for fold in asked if fold not in settled], on_epoch=lambda fold, log: None, on_fold=on_fold)
    raise_failures(fitted, asked, [seed])
    return fitted, asked


def _source_run(export: Export, source: Path | None) -> Run:
    """The run that the features are of, by --run or by what meta.json says."""
    if source is not None:
        return Run(Path(os.path.relpath(find_run(source).folder)))
    first, said = next(iter(export.folders.values())), str(_said(export, "run", "folder"))
    for place in (first, first.resolve()):  # as the user names it, if there is no symbolic link on the way
        folder = Path(os.path.normpath(place / said))
        if (folder / "experiment.yaml").is_file():
            return Run(folder)
    raise CheckFailed(f"The run that {export.place} is of is not at {folder} any more: say with --run where it lies.")


def _said(export: Export, *keys: str) -> Any:
    """A value of meta.json; UserError where it is not there, as in a run's own exchange."""
    value: Any = export.meta
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise UserError(f"{export.place / META} does not say {'.'.join(keys)}: {AGAIN.replace('them', 'it')}")
        value = value[key]
    return value


def _check_weights(export: Export, run: Run, experiment: Experiment, seed: int) -> None:
    """CheckFailed where the features come of other weights than the run's."""
    for fold, folder in export.folders.items():
        weights = read_meta(folder).get("weights") or {}
        start_from = str(weights.get("start_from"))
        if fold is not None:
            expected = sha256_in_manifest(run.fold_folder(seed, fold), WEIGHTS)
            whose = f"fold {fold}"
        elif start_from == "weights":
            expected = name_of_start(run, experiment, start_from, seed=seed).rpartition(" ")[2]
            whose = "the published weights"
        else:
            names = {stage.name for stage in chain_of_weights(experiment, experiment.stages[-1].start_from)}
            if start_from not in names:
                raise CheckFailed(f"{folder} is of weights {start_from!r}, which {run.folder} does not have. {AGAIN}")
            expected = sha256_in_manifest(stage_of(run, start_from, seed), FINAL)
            whose = f"stage {start_from!r}"
        if weights.get("sha256") != expected:
            raise CheckFailed(
                f"{folder} was made by other weights than {whose} of {run.folder} has (SHA-256 {str(weights.get('sha256'))[:12]}, not "
                f"{expected[:12]}). {AGAIN}"
            )


def _folders_by_fold(export: Export, run: Run, asked: Sequence[int]) -> dict[int, Path]:
    """Where the features of each fold lie; CheckFailed where one has none, or where its parts are not the run's."""
    own = run.folds()
    by_fold: dict[int, Path] = {}
    for fold in asked:
        folder = export.folders.get(fold) if export.of_folds else export.folders[None]
        if folder is None:
            raise CheckFailed(
                f"{export.place} has no features of fold {fold}: `agerepro features {run.folder} --weights fold` adds "
                "those of finished folds; or leave the fold out with --folds."
            )
        by_fold[fold] = folder
    for folder in dict.fromkeys(by_fold.values()):
        folds = read_exchange(folder, verify=False).folds
        missing = [fold for fold, place in by_fold.items() if place == folder and fold not in set(folds["fold"])]
        if missing:
            raise CheckFailed(f"{folder / 'folds.csv'} lacks fold {missing[0]} of {run.folder}. {AGAIN}")
        wanted = own.loc[own["fold"].isin(folds["fold"].unique())]
        if not folds.reset_index(drop=True).equals(wanted.reset_index(drop=True)):
            raise CheckFailed(f"{folder / 'folds.csv'} divides the photos otherwise than {run.folder} does. {AGAIN}")
    return by_fold


def _check_photos(by_fold: Mapping[int, Path], photos: pd.DataFrame, run: Run, experiment: Experiment) -> None:
    """CheckFailed where the rows of the features are other photos, people or ages than the run's."""
    wanted = exchanged_photos(photos, experiment.stages[-1].target)
    for folder in dict.fromkeys(by_fold.values()):
        found = read_exchange(folder, verify=False).photos
        same = list(found["photo"]) == list(wanted["photo"]) and list(found["subject"]) == list(wanted["subject"])
        if not same or not (found["age"].astype("float32").to_numpy() == wanted["age"].to_numpy()).all():
            raise CheckFailed(f"The rows of {folder / 'photos.csv'} are not the photos, people and ages of {run.folder}. {AGAIN}")


def _derived(export: Export, run: Run, experiment: Experiment, regressor: Regressor, seed: int) -> Experiment:
    features = LayerFeatures(layer=str(_said(export, "layer")), pooling=_said(export, "pooling"))
    target, preset = experiment.stages[-1], str(export.meta.get("preset", ""))
    of_the_paper = preset and target.data == "fgnet" and isinstance(target.protocol, LeaveOneSubjectOut)
    return as_regression(
        experiment,
        str(_said(export, "weights", "start_from")) or target.start_from,
        features,
        regressor,
        seed=seed,
        reproduces=Reproduces(paper=PAPER_TABLE[0], table=PAPER_TABLE[1], row=preset) if of_the_paper else None,
    )


def _task(export: Export, run: Run, derived: Experiment, photos: pd.DataFrame, seed: int) -> TrainingTask:
    stage = derived.stages[-1]
    digest = str(run.provenance()["data"][stage.data]["digest"])
    # No crop is looked at.
    data = FaceDataset(stage.data, photos, FaceStore(run.folder, index={}), derived.faces.size, digest, {})
    hashes = [str(read_meta(folder)["weights"]["sha256"]) for folder in export.folders.values()]
    start = config_hash(hashes) if export.of_folds else str(_said(export, "weights", "name"))
    return training_task(derived, stage, data, seed=seed, start=start)


def _changes(experiment: Experiment, run: Run, derived: Experiment, regressor: Regressor) -> list[str]:
    """What differs from the paper's, as `--set` takes it: what the source's shared stages changed, and another engine or budget."""
    target = experiment.stages[-1]
    changed = [change for change in run.provenance().get("changed", []) if not change.startswith(f"stages.{target.name}.")]
    if run.profile == "paper" and derived.reproduces is not None and regressor != AutoSklearn():
        default = to_dict(type(regressor)())
        ((name, values),) = to_dict(regressor).items()
        inside = {key: value for key, value in values.items() if value != default[name][key]}
        text = f"{{{name}: {yaml.safe_dump(inside, default_flow_style=True).strip()}}}" if inside else name
        changed.append(f"stages.{target.name}.regressor={text}")
    return changed


def _describe(fitted: Run, run: Run, derived: Experiment, task: TrainingTask, export: Export, changed: list[str]) -> None:
    """Write what the run is, before anything is fitted; what is there already is left."""
    source, seed = run.provenance(), str(task.seed)
    stages = source.get("stages", {}).get(seed, {})
    settings = yaml.safe_dump(experiment_to_dict(derived), sort_keys=False, allow_unicode=True)
    with lock_folder(fitted.folder / "description", wait=WHEN_FREE):
        if (fitted.folder / "experiment.yaml").is_file():
            return
        folds = run.folds()
        # A regression chooses inside its training part.
        write_table(fitted.folder / "folds.csv", folds.assign(part=folds["part"].replace(VALIDATION, TRAIN)), FOLDS)
        write_table(fitted.folder / "photos.csv", read_table(run.folder / "photos.csv", PHOTOS), PHOTOS)
        write_table(fitted.folder / "ages.csv", read_table(run.folder / "ages.csv", AGES), AGES)
        about = provenance(
            command=sys.argv,
            data=source["data"],
            starts={seed: task.settings["start"]},
            tasks={seed: task.digest},
            stages={seed: {stage.name: stages[stage.name] for stage in derived.stages[:-1] if stage.name in stages}},
            changed=changed,
            synthetic=source["synthetic"],
            features={**export.meta, "run": run.folder.name, "folder": os.path.relpath(export.place.resolve(), fitted.folder.resolve())},
        )
        write_json(fitted.folder / "provenance.json", about)
        write_text(fitted.folder / "experiment.yaml", settings)


def _options(known: Mapping[str, Any]) -> str:
    flags = {"seconds", "seconds_a_model", "trials", "memory_mb", "inner_split"}
    return ", ".join(f"--{name.replace('_', '-')}" for name in known if name in flags)
