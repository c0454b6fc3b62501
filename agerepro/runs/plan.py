"""The plan of a run: its steps in order, what each needs, where it lies, and whether it is done; made from settings and manifests alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from agerepro.config.loading import PAPER, read_experiment, to_dict
from agerepro.config.schema import BaseStage, Experiment
from agerepro.datasets.catalog import reading_options
from agerepro.errors import UserError
from agerepro.faces.prepare import PreparedFaces, prepared_faces
from agerepro.io import config_hash, finished_by, is_complete
from agerepro.models.pretrained import find_local, published_name
from agerepro.running import failure
from agerepro.runs.layout import Run, inputs_digest, run_folder
from agerepro.splits.protocols import make_folds
from agerepro.synthetic.writers import RENDERER
from agerepro.training.naming import StageCheckpoint, run_digest, stage_folder, stage_settings

State = Literal["done", "ready", "waiting", "failed"]


@dataclass(frozen=True)
class RunOptions:
    """One experiment to be run, and how.

    data: the folder with one folder a data set, or the user's own CSV file or folder of photos; None to draw what the profile draws;
    runs: where results go; weights: the folder of published weight files, None for Keras's own cache; folds: `0-5,7`, None for
    all; jobs: processes that share the folds, each with a device of its own; settings: overrides, `KEY=VALUE`; tensorboard: also
    write its logs.
    """

    experiment: Path
    profile: str = PAPER
    data: Path | None = None
    runs: Path = Path("runs")
    weights: Path | None = None
    folds: str | None = None
    jobs: int = 1
    settings: tuple[str, ...] = ()
    tensorboard: bool = False

    def arguments(self, *step: str) -> list[str]:
        """What follows `agerepro step` to do that step (`fold`, `7`) under these options in another process."""
        words: list[str | Path] = [self.experiment, *step, "--profile", self.profile, "--runs", self.runs]
        for name, value in (("--data", self.data), ("--weights", self.weights)):
            words += [name, value] if value is not None else []
        words += ["--tensorboard"] if self.tensorboard else []
        for setting in self.settings:
            words += ["--set", setting]
        return [str(word) for word in words]


@dataclass(frozen=True)
class Step:
    """One thing to be done: `prepare <data set>`, `train <stage>`, `fold <number>` or `collect`; a further seed is part of the name.

    folder: where it puts what it makes, whole, in one rename; None while that depends on a step that is not done. needs: names of the
    steps before it. state: `ready` when these are done; note: why it failed.
    """

    name: str
    folder: Path | None
    needs: tuple[str, ...]
    state: State
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """What an experiment comes to on this disk. Steps that are done later are not seen: make the plan again.

    prepared: where the faces of each data set lie, in the order of the stages; digests: of those that are prepared.
    published: names the published weights that it starts from, "" where it starts from none, None where they are not to be found.
    """

    options: RunOptions
    experiment: Experiment
    prepared: dict[str, PreparedFaces]
    digests: dict[str, str]
    published: str | None
    _stages: dict[tuple[str, int], StageCheckpoint | None] = field(default_factory=dict, repr=False)

    @property
    def target(self) -> BaseStage:
        """The last stage, which is trained and tested once a fold."""
        return self.experiment.stages[-1]

    @property
    def paper(self) -> str:
        """The folder of `runs` that the run lies in."""
        reproduces = self.experiment.reproduces
        return reproduces.paper if reproduces else self.options.experiment.resolve().parent.name

    @cached_property
    def run(self) -> Run | None:
        """Where the run lies; None until all its data sets are prepared and its published weights are here."""
        if self.published is None or self.digests.keys() != self.prepared.keys():
            return None
        digest = run_digest(self.experiment, data=self.digests, published=self.published)
        return run_folder(
            self.options.runs, paper=self.paper, experiment=self.options.experiment.stem, profile=self.options.profile, digest=digest
        )

    def start_name(self, stage: BaseStage, seed: int) -> str | None:
        """Names the weights that a stage begins with: part of its own name. None while they are not known."""
        if stage.start_from == "scratch":
            return "scratch"
        if stage.start_from == "weights":
            return self.published
        earlier = self.checkpoint(self.experiment.stage(stage.start_from), seed)
        return earlier.digest if earlier else None

    def digest(self, stage: BaseStage, seed: int) -> str | None:
        """Names a stage, or the folds of the last one, under a seed; None while that depends on what is not known."""
        start, data = self.start_name(stage, seed), self.digests.get(stage.data)
        if start is None or data is None:
            return None
        predictions = self.predictions_name(stage, seed)
        if predictions is None:
            return None
        return config_hash(stage_settings(self.experiment, stage, data=data, start=start, seed=seed, predictions=predictions))

    def predictions_name(self, stage: BaseStage, seed: int) -> str | None:
        """Names the predictions that a stage needs of earlier ones, "" where it needs none. None while they are not known."""
        digests = [self.digest(predictor, seed) for predictor in self.experiment.predictors(stage)]
        if None in digests:
            return None
        # Whether mirror images are looked at as well is part of the name of a stage with a protocol only.
        looks = [] if self.experiment.tta == "none" else [self.experiment.tta]
        return config_hash([*digests, *looks]) if digests else ""

    def checkpoint(self, stage: BaseStage, seed: int) -> StageCheckpoint | None:
        """Where a shared stage lies once it is trained; None while its name is not known."""
        if (stage.name, seed) not in self._stages:
            digest = self.digest(stage, seed)
            folder = stage_folder(self.options.runs, stage=stage.name, backbone=self.experiment.backbone.name, digest=digest or "")
            self._stages[stage.name, seed] = StageCheckpoint(folder, digest, stage.target) if digest else None
        return self._stages[stage.name, seed]

    @cached_property
    def fold_count(self) -> int | None:
        """Folds of the protocol; None while nobody can know."""
        if self.run is not None and (self.run.folder / "folds.csv").is_file():
            return int(self.run.folds()["fold"].nunique())
        if self.target.data not in self.digests or self.target.protocol is None:
            return None
        return int(make_folds(self.prepared[self.target.data].load().photos, self.target.protocol)["fold"].nunique())

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in an order in which they can be done."""
        prepare = [self._prepare_step(name) for name in self.prepared]
        by_name = {step.name: step for step in prepare}
        for seed in self.experiment.seeds:
            for stage in self.experiment.earlier(self.target):
                step = self._train_step(stage, seed, by_name)
                by_name[step.name] = step
        for seed in self.experiment.seeds:
            for step in self._fold_steps(seed, by_name):
                by_name[step.name] = step
        folds = [name for name in by_name if name.startswith("fold")]
        undone = [name for name in folds if by_name[name].state != "done"]
        folder = self.run.folder / "results" if self.run else None
        collected = (
            self.run is not None
            and folder is not None
            and not undone
            and bool(folds)
            and finished_by(folder) == inputs_digest(self.run, self.experiment)
        )
        state: State = "done" if collected else "ready" if folds and not undone else "waiting"
        return (*by_name.values(), Step("collect", folder, tuple(folds), state))

    def _prepare_step(self, name: str) -> Step:
        done = name in self.digests
        return Step(f"prepare {name}", self.prepared[name].place, (), "done" if done else "ready")

    def _needs(self, stage: BaseStage, seed: int) -> list[str]:
        trained = dict.fromkeys(step_name("train", needed.name, seed) for needed in self.experiment.needs(stage))
        return [f"prepare {stage.data}", *trained]

    def _train_step(self, stage: BaseStage, seed: int, before: dict[str, Step]) -> Step:
        needs = self._needs(stage, seed)
        place = self.checkpoint(stage, seed)
        done = place is not None and is_complete(place.folder)
        note = "" if done or place is None else failure(place.folder)
        return Step(
            step_name("train", stage.name, seed), place.folder if place else None, tuple(needs), _state(done, note, needs, before), note
        )

    def _fold_steps(self, seed: int, before: dict[str, Step]) -> Iterator[Step]:
        needs = self._needs(self.target, seed)
        expected = self.digest(self.target, seed)
        for fold in range(self.fold_count or 0):
            folder = self.run.fold_folder(seed, fold) if self.run else None
            made_by = finished_by(folder) if folder else None
            note = failure(folder) if folder and made_by is None else "" if made_by in (None, expected) else "made by other settings"
            done = made_by is not None and made_by == expected
            yield Step(step_name("fold", str(fold), seed), folder, tuple(needs), _state(done, note, needs, before), note)


def make_plan(options: RunOptions, experiment: Experiment | None = None) -> Plan:
    """The plan of an experiment; `experiment`: its settings where they are read already. UserError as `read_experiment`."""
    if experiment is None:
        experiment = read_experiment(options.experiment, profile=options.profile, settings=options.settings)
    for name, given in experiment.reading.items():
        reading_options(name, given)
    prepared = {
        name: prepared_faces(
            name,
            data=data_folder(name, experiment, options),
            faces=experiment.faces,
            folder=options.runs / "faces",
            group_labels=experiment.group_labels,
            own=experiment.own,
            reading=experiment.reading.get(name),
            order=experiment.synthetic.get(name) if options.data is None else None,
        )
        for name in dict.fromkeys(stage.data for stage in experiment.stages)
    }
    digests = {name: faces.about()["digest"] for name, faces in prepared.items() if faces.is_done()}
    if experiment.drop_overlapping_subjects and digests.keys() == prepared.keys():
        names = list(prepared)  # each set less whoever the later ones know
        digests = {name: config_hash([digests[other] for other in names[at:]]) for at, name in enumerate(names[:-1])} | {
            names[-1]: digests[names[-1]]
        }
    published: str | None = ""
    if any(stage.start_from == "weights" for stage in experiment.stages):
        backbone = experiment.backbone
        file = find_local(backbone.weights, backbone.name, folder=options.weights, dense_weights=backbone.dense_weights)
        published = published_name(file) if file else None
    return Plan(options, experiment, prepared, digests, published)


def data_folder(name: str, experiment: Experiment, options: RunOptions) -> Path:
    """What is given as `data` for a data set: the user's, or, without any, the folder under `runs` that it is drawn into."""
    if options.data is not None:
        return options.data
    if name not in experiment.synthetic:
        raise UserError(f"{options.experiment} draws no {name} in profile {options.profile}: give --data.")
    return options.runs / "synthetic" / config_hash([RENDERER, name, to_dict(experiment.synthetic[name])])


def step_name(kind: str, what: str, seed: int) -> str:
    """`fold 7`, `train imdb`; `fold 7 seed 1` for another seed than 0."""
    return f"{kind} {what}" + (f" seed {seed}" if seed else "")


def _state(done: bool, note: str, needs: list[str], before: dict[str, Step]) -> State:
    if done:
        return "done"
    if note:
        return "failed"
    return "ready" if all(before[need].state == "done" for need in needs if need in before) else "waiting"
