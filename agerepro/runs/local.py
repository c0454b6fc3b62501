"""Steps of a run done on this machine: one by one, or all that are missing, the folds by several processes with a device each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import yaml

from agerepro.config.loading import experiment_to_dict, read_experiment
from agerepro.config.schema import BaseStage
from agerepro.errors import CheckFailed, Interrupted, UserError, suggest
from agerepro.io import NOW, WHEN_FREE, finished_by, is_complete, lock_folder, write_json, write_text
from agerepro.provenance import provenance
from agerepro.running import failure, noting
from agerepro.runs.data import count_ages, describe_overlaps, drawn_sets, facts_of, load_set, prepare_set
from agerepro.runs.layout import Run, parse_folds
from agerepro.runs.plan import Plan, RunOptions, make_plan, step_name
from agerepro.runs.preflight import check_before_start
from agerepro.runs.workers import Workers
from agerepro.splits.leakage import check_no_leakage
from agerepro.splits.protocols import make_folds, part_of_training
from agerepro.tables import AGES, FOLDS, PHOTOS, read_table, write_table
from agerepro.tasks.labels import judged, prediction_column
from agerepro.training.device import configure, suppress_stderr, visible_gpus
from agerepro.training.reporting import Reporter, TensorBoard

if TYPE_CHECKING:
    from agerepro.faces.prepare import FaceDataset
    from agerepro.training.naming import StageCheckpoint
    from agerepro.training.stages import Init, TrainingTask


class FoldsFailed(CheckFailed):
    """Folds that could not be done; all others that were asked for are. reasons: by run, and by the name of the fold's step."""

    def __init__(self, reasons: Mapping[Run, Mapping[str, str]]) -> None:
        self.reasons = dict(reasons)
        lines = []
        for run, folds in reasons.items():
            lines.append(
                f"{len(folds)} {'folds' if len(folds) > 1 else 'fold'} of {run.folder} failed; `agerepro status` shows the others:"
            )
            lines += [f"  {name}: {reason}" for name, reason in folds.items()]
        super().__init__("\n".join(lines))


def run_experiments(options: Sequence[RunOptions], reporter: Reporter) -> Iterator[Run]:
    """Run experiments, each given out when it is done; what is wrong with any of them is said before the first begins.

    All options but `experiment` and `settings` are those of the first. With several jobs, worker processes do the folds of one
    experiment while this one trains the shared stages of the next, and then joins them; they end when it does. Raises UserError as
    `check_before_start` does, and where a worker died; Interrupted where a stop was asked for. Failed folds of one experiment stop no
    other: FoldsFailed comes at the end, for all of them. An error in the stages of one comes when the ones before it are done.
    """
    plans, jobs = check_before_start(options), options[0].jobs
    begun: list[Begun] = []
    reasons: dict[Run, Mapping[str, str]] = {}
    failure: UserError | None = None
    own = plans[0].experiment.machine.devices if plans else 1  # all experiments compute alike
    with Workers(jobs - 1, devices=visible_gpus() if jobs > 1 else (), own=own) as workers:
        workers.prepare_ahead(plans)
        for number, plan in enumerate(plans, start=1):
            reporter.say(f"{plan.options.experiment} ({', '.join((plan.options.profile, *plan.options.settings))})")
            try:
                begun.append(begin(plan, workers, reporter))
            except Interrupted:
                raise
            except UserError as error:
                failure = error
            if jobs > 1 and number < len(plans) and failure is None:
                continue  # its folds are in the workers' hands
            while begun:
                first = begun.pop(0)
                if jobs > 1 and len(plans) > 1:
                    reporter.say(f"{first.plan.options.experiment}: folds")
                try:
                    run = finish(first, reporter)
                except FoldsFailed as error:
                    reasons |= error.reasons
                    continue
                workers.check()
                yield run
            if failure is not None:
                if reasons:
                    reporter.say(str(FoldsFailed(reasons)))
                raise failure
    if reasons:
        raise FoldsFailed(reasons)


@dataclass(frozen=True)
class Begun:
    """An experiment whose shared stages are trained; missing: whether any of its `folds` is."""

    plan: Plan
    run: Run
    folds: list[int]
    missing: bool


def begin(plan: Plan, workers: Workers, reporter: Reporter) -> Begun:
    """Do all steps of a plan that are missing, up to its folds, and let workers begin with these; what is done is not looked into."""
    options = plan.options
    reporter = _with_tensorboard(options, reporter)
    for name, faces in plan.prepared.items():
        if not faces.is_current():
            configure(plan.experiment.machine)  # faces may be looked for with TensorFlow
            prepare_set(plan, name, reporter)
    plan = make_plan(options, plan.experiment)
    run = describe_run(plan, reporter)
    others = [folder.name for folder in sorted(run.folder.parent.glob(f"{run.profile}-*")) if folder != run.folder]
    if options.folds is not None and others:
        reporter.say(f"{run.folder.name} has other settings, data or start than {', '.join(others)}: their folds are not mixed.")
    folds = parse_folds(options.folds, plan.fold_count)
    undone = {step.name for step in plan.steps if step.state != "done"}
    missing = undone & {step_name("fold", str(fold), seed) for seed in plan.experiment.seeds for fold in folds}
    if not missing:
        reporter.say(f"{plan.target.name}: all {len(folds) * len(plan.experiment.seeds)} folds are done already.")
        return Begun(plan, run, folds, missing=False)
    for seed in plan.experiment.seeds:
        for stage in plan.experiment.earlier(plan.target):
            train(plan, stage, seed, reporter)
    if not plan.target.fits_all_folds():  # at once and on all processors: one process does it
        workers.help_with(plan, len(missing) - 1)
    return Begun(plan, run, folds, missing=True)


def finish(begun: Begun, reporter: Reporter) -> Run:
    """Do the folds that no worker does, and wait for those that one does. Raises FoldsFailed where folds diverged."""
    plan = begun.plan
    if begun.missing:
        for seed in plan.experiment.seeds:
            do_folds(plan, seed, begun.folds, _with_tensorboard(plan.options, reporter))
        raise_failures(begun.run, begun.folds, plan.experiment.seeds)
    return begun.run


def _with_tensorboard(options: RunOptions, reporter: Reporter) -> Reporter:
    if not options.tensorboard:
        return reporter
    return TensorBoard(options.runs / "tensorboard" / f"{options.experiment.stem}-{options.profile}", reporter)


def describe_run(plan: Plan, reporter: Reporter) -> Run:
    """Write what a run is, before anything trains: settings, folds, photos, ages, where its data come from; returns the run.

    Settings that train nothing (seeds, kept weights, decoding) may change; their file is then written anew. Raises CheckFailed for
    folds that leak, and UserError where data sets are not prepared or published weights are missing.
    """
    run = plan.run
    if run is None:
        unprepared = [name for name in plan.prepared if name not in plan.digests]
        what = f"the faces of {', '.join(unprepared)} are not prepared" if unprepared else "the published weights are not here"
        raise CheckFailed(f"{plan.options.experiment}: {what}. `agerepro plan` shows the steps that are missing.")
    settings = yaml.safe_dump(experiment_to_dict(plan.experiment), sort_keys=False, allow_unicode=True)
    tasks = {str(seed): plan.digest(plan.target, seed) for seed in plan.experiment.seeds}
    # Where a user's own labels stand is no change of the experiment.
    changed = [setting for setting in plan.options.settings if not setting.startswith("own.")]
    if _is_described(run, settings, tasks, changed):
        return run
    with lock_folder(run.folder / "description", wait=WHEN_FREE):
        if _is_described(run, settings, tasks, changed):  # by another process, meanwhile
            return run
        loaded = {name: load_set(plan, name) for name in plan.prepared}
        for sentence in describe_overlaps(
            {name: faces.load() for name, faces in plan.prepared.items()}, dropped=plan.experiment.drop_overlapping_subjects
        ):
            reporter.say(sentence)
        sets = {
            stage.data: replace(loaded[stage.data], photos=judged(loaded[stage.data].photos, stage.target))
            for stage in plan.experiment.stages  # the last one's labels judge its data
        }
        photos, protocol = sets[plan.target.data].photos, plan.target.protocol
        assert protocol is not None  # as read_experiment checks
        folds = make_folds(photos, protocol)
        check_no_leakage(folds, photos, protocol)
        write_table(run.folder / "folds.csv", folds, FOLDS)
        write_table(run.folder / "photos.csv", photos.drop(columns="image"), PHOTOS)
        write_table(run.folder / "ages.csv", count_ages(list(sets.values())), AGES)
        about = provenance(
            command=sys.argv,
            data=facts_of(plan),
            starts={str(seed): plan.start_name(plan.target, seed) for seed in plan.experiment.seeds},
            tasks=tasks,
            stages={str(seed): _stage_folders(plan, seed) for seed in plan.experiment.seeds},
            changed=changed,
            synthetic=drawn_sets(plan),
        )
        write_json(run.folder / "provenance.json", about)
        write_text(run.folder / "experiment.yaml", settings)
    return run


def train(plan: Plan, stage: BaseStage, seed: int, reporter: Reporter, *, wait: float = WHEN_FREE) -> None:
    """Train a shared stage that is not trained yet; of several processes one does it, the others wait, or with `wait=NOW` are told."""
    place = plan.checkpoint(stage, seed)
    if place is None:
        raise CheckFailed(f"Stage {stage.name!r} cannot be trained yet: `agerepro plan` shows what it needs.")
    if is_complete(place.folder):
        return
    configure(plan.experiment.machine)
    with suppress_stderr():
        from agerepro.training.stages import train_stage
    with lock_folder(
        place.folder, wait=wait, on_wait=lambda: reporter.say(f"stage {stage.name}: another process trains it; waiting for it.")
    ) as held:
        if not held:
            raise CheckFailed(f"Stage {stage.name!r} is being trained by another process.")
        if is_complete(place.folder):
            return
        task, init = task_of(plan, stage, seed)
        with noting(place.folder) as note:
            train_stage(
                plan.experiment,
                task,
                init,
                place.folder,
                on_epoch=partial(reporter.epoch, stage.name, fold=None, folds_done=0, folds=0),
                on_batch=note.tell,
            )


def do_folds(plan: Plan, seed: int, folds: Sequence[int], reporter: Reporter, *, wait: float = WHEN_FREE) -> None:
    """Do those of the folds that nobody has done, by one traced model; those that diverge are noted and the others go on.

    wait: NOW leaves folds that another process holds to it.
    """
    run, stage = plan.run, plan.target
    assert run is not None
    expected = plan.digest(stage, seed)
    settled = {fold for fold in folds if finished_by(run.fold_folder(seed, fold)) == expected}
    if settled == set(folds):
        return
    configure(plan.experiment.machine)
    with suppress_stderr():
        from agerepro.training.folds import fold_runner
    task, init = task_of(plan, stage, seed)
    runner = fold_runner(
        plan.experiment,
        task,
        init,
        run.folds(),
        run_folder=run.folder,
        folder_of=lambda fold: run.fold_folder(seed, fold),
        labels={"experiment": run.experiment, "profile": run.profile},
        runs=plan.options.runs,
    )
    runner.run_all(
        list(folds),
        wait=wait,
        on_fold=lambda fold, how: settled.add(fold),
        on_epoch=lambda fold, log: reporter.epoch(stage.name, log, fold=fold, folds_done=len(settled), folds=len(folds)),
    )


def raise_failures(run: Run, folds: Sequence[int], seeds: Sequence[int]) -> None:
    """FoldsFailed where one of the folds is not done, with the reason that is noted."""
    undone = {
        step_name("fold", str(fold), seed): run.fold_folder(seed, fold)
        for seed in seeds
        for fold in folds
        if not is_complete(run.fold_folder(seed, fold))
    }
    if undone:
        reasons = {name: failure(folder) or "another process does it, or was stopped in it" for name, folder in undone.items()}
        raise FoldsFailed({run: reasons})


def task_of(plan: Plan, stage: BaseStage, seed: int) -> tuple[TrainingTask, Init]:
    """What a stage trains on and from, read from prepared faces and trained stages. UserError where one of them is missing or damaged."""
    from agerepro.training.stages import resolve_init, training_task

    names = {other.name for other in plan.experiment.stages}
    earlier = plan.checkpoint(plan.experiment.stage(stage.start_from), seed) if stage.start_from in names else None
    init = resolve_init(stage, plan.experiment.backbone, earlier=earlier, weights_folder=plan.options.weights)
    data = with_predictions(plan, stage, load_set(plan, stage.data), seed)
    predictions = plan.predictions_name(stage, seed)
    assert predictions is not None  # they are beside the photos
    return training_task(plan.experiment, stage, data, seed=seed, start=init.name, predictions=predictions), init


def with_predictions(plan: Plan, stage: BaseStage, data: FaceDataset, seed: int) -> FaceDataset:
    """The data with what the earlier stage that this one needs predicts of each photo; as they are where it needs none.

    Where residuals are cross-fitted, an image of a part of the training images is predicted by the training without that part.
    """
    from agerepro.training.stages import stage_predictions

    if not (of := stage.predictions_of()):
        return data
    predicted, *without = (
        stage_predictions(
            plan.experiment,
            predictor,
            _trained(plan, predictor, seed),
            with_predictions(plan, predictor, data, seed),
            runs=plan.options.runs,
        )
        for predictor in plan.experiment.predictors(stage)
    )
    for part, predictions in enumerate(without):
        rows = data.rows(part_of_training(data.photos, part, len(without)))
        predicted[rows] = predictions[rows]
    return replace(data, photos=data.photos.assign(**{prediction_column(of): predicted}))


def _trained(plan: Plan, stage: BaseStage, seed: int) -> StageCheckpoint:
    place = plan.checkpoint(stage, seed)
    if place is None or not is_complete(place.folder):
        raise CheckFailed(f"Stage {stage.name!r}, whose predictions are needed, is not trained yet: `agerepro plan` shows what is.")
    return place


def _stage_folders(plan: Plan, seed: int) -> dict[str, str]:
    """The folder's name of every shared stage that leads to the folds, by the stage's."""
    places = {stage.name: plan.checkpoint(stage, seed) for stage in plan.experiment.earlier(plan.target)}
    return {name: place.folder.name for name, place in places.items() if place is not None}


def _is_described(run: Run, settings: str, tasks: Mapping[str, str | None], changed: Sequence[str]) -> bool:
    """Whether the files that describe a run are all there, can be read, and say the same: what is damaged is written anew."""
    try:
        about = run.provenance()
        for name, table in (("folds.csv", FOLDS), ("photos.csv", PHOTOS), ("ages.csv", AGES)):
            read_table(run.folder / name, table)
        read_experiment(run.folder / "experiment.yaml")
        written = (run.folder / "experiment.yaml").read_text(encoding="utf-8")
    except (UserError, FileNotFoundError):
        return False
    return written == settings and about.get("tasks") == tasks and about.get("changed") == list(changed)


def do_worker(plan: Plan, what: str, reporter: Reporter) -> None:
    """Do those folds of every seed that nobody has done or holds: what a process does that `run --jobs` has started."""
    folds = parse_folds(None if what == "all" else what, plan.fold_count)
    for seed in plan.experiment.seeds:
        do_folds(plan, seed, folds, reporter, wait=NOW)


def run_step(plan: Plan, kind: str, what: str, *, seed: int, reporter: Reporter, wait: float = NOW) -> None:
    """Do one step, `prepare`, `train` or `fold`, whose needs are done; `what` may name several folds, `0-5,7` or `all`.

    Raises CheckFailed where a step before it is missing, or another process does it, FoldsFailed where a fold diverges, and UserError
    for a step that the experiment does not have.
    """
    if kind == "prepare":
        _check_is_one_of(what, list(plan.prepared), "data set")
        configure(plan.experiment.machine)
        prepare_set(plan, what, reporter)
        return
    if kind == "train":
        shared = {stage.name: stage for stage in plan.experiment.earlier(plan.target)}
        _check_is_one_of(what, list(shared), "shared stage")
        train(plan, shared[what], seed, reporter, wait=wait)
        return
    run = describe_run(plan, reporter)
    try:
        folds = parse_folds(None if what == "all" else what, plan.fold_count)
    except UserError as error:
        raise UserError(str(error).replace("--folds", "fold")) from None
    do_folds(plan, seed, folds, reporter, wait=wait)
    raise_failures(run, folds, [seed])


def _check_is_one_of(name: str, names: list[str], kind: str) -> None:
    if not names:
        raise UserError(f"The experiment has no {kind}.")
    if name not in names:
        raise UserError(f"The experiment has no {kind} {name!r}.{suggest(name, names)}")
