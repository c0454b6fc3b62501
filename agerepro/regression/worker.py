"""Fits auto-sklearn to the features of one fold: a script for Python 3.9, the newest that auto-sklearn runs on.

    python worker.py FEATURES OUT --fold N --settings FILE.json [--with-parent]

It runs in an environment of its own, imports nothing of agerepro, and meets it in files only.

FEATURES: features.npy (n, d), float32; photos.csv (photo, subject, age; row i is row i of the features); folds.csv (fold, photo, part);
meta.json, whose `features` is the SHA-256 of features.npy. The model is fitted to the train and the validation photos of the fold; how
it divides them inside is `inner_split`. The test photos are predicted.

FILE.json: `seconds` for the whole search, `seconds_a_model`, `memory_mb` for all processes of the fit together, `trials` (0: as many as
the time allows), `seed`, `inner_split` (subjects or random), `jobs`. Reading, loading packages and predicting come on top of `seconds`.
`trials` with one job gives the same predictions to the bit, on one machine, as long as no trial meets a limit; a budget of time never
does: which trials end in time depends on how busy the machine is. about.json says which it was (`reproducible`).

OUT: predictions.csv (photo, predicted in years), model.pkl and, last, about.json. Each appears under its name when it is whole. Exit codes:
0; 1 where no model came of it, with the reason in `error` of about.json and no predictions; 2 for what is wrong with the input, one
sentence on standard error; 75 where it was stopped by SIGTERM or, with --with-parent, because its standard input was closed.
"""

from __future__ import annotations

import os

if __name__ == "__main__":  # before NumPy loads: sums in the same order on every machine, and address space that trials can use
    os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")})

import argparse
import contextlib
import csv
import ctypes
import hashlib
import json
import platform
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

LEAST_SECONDS = 30  # auto-sklearn refuses less
HEAD_ROOM_MB = 1024  # of `memory_mb`, for this process and the server of its log: 450 MB at rest, more while models are loaded
LEAST_MB_A_MODEL = 512  # a trial begins with this process's address space, 420 MB; with less it may hang for the whole budget
META_CONFIGURATIONS = 25  # auto-sklearn's default: where its search begins
HELD_OUT = 0.33  # share of photos that auto-sklearn's hold-out judges models on
KINDS = {"seconds": int, "seconds_a_model": int, "memory_mb": int, "trials": int, "seed": int, "inner_split": str, "jobs": int}
SPLITS = ("subjects", "random")
FAILED = ("TIMEOUT", "MEMOUT", "CRASHED", "ABORT")  # of a trial; the search also notes those that it did not begin
OUTPUTS = ("about.json", "predictions.csv", "model.pkl")
CLEARED_WITHIN_S = 5.0
NO_MODEL, WRONG_INPUT, STOPPED = 1, 2, 75
PICKLE = "Loading a pickle runs code that is in it: load none from strangers. It needs the versions named here."


class WrongInput(Exception):
    """One sentence: what is wrong with which file or setting."""


class NoModel(Exception):
    """The search ended without a model: why."""


class Fold(NamedTuple):
    """What one fold fits and predicts; rows are in the order of photos.csv."""

    features: np.ndarray  # (n, d) float32, of the photos that are fitted
    ages: np.ndarray  # (n,) years
    subjects: list[str]
    tested: np.ndarray  # (m, d) float32
    tested_photos: list[str]
    sha256: str


class InnerSplit(NamedTuple):
    """How auto-sklearn's hold-out divides the rows: it fits models to `fitted`, and compares them by `judged`."""

    fitted: np.ndarray  # rows
    judged: np.ndarray  # rows


def main() -> int:
    """The exit code of the command line above."""
    parser = argparse.ArgumentParser(description="Fit auto-sklearn to the features of one fold and predict its test photos.")
    parser.add_argument("features", type=Path, help="folder with features.npy, photos.csv, folds.csv, meta.json")
    parser.add_argument("out", type=Path, help="folder for predictions.csv, model.pkl, about.json")
    parser.add_argument("--fold", type=int, required=True, help="number of the fold in folds.csv")
    parser.add_argument("--settings", type=Path, required=True, help="JSON: seconds, seconds_a_model, memory_mb, trials, seed, ...")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    options = parser.parse_args()
    started = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="automl-"))
    os.environ["TMPDIR"] = tempfile.tempdir = str(place)  # the library has temporary files of its own
    end_when_asked(place, options.with_parent)
    out = options.out.resolve()
    try:
        with contextlib.suppress(FileNotFoundError):
            for name in OUTPUTS:  # those of an earlier run must not pass for this one's
                (out / name).unlink()
        settings = read_settings(options.settings)
        fold = read_fold(options.features, options.fold)
        out.mkdir(parents=True, exist_ok=True)
        about = {"engine": "autosklearn", "fold": options.fold, "settings": settings, "seed": settings["seed"], "features": fold.sha256}
        about.update(n_train=len(fold.ages), n_test=len(fold.tested_photos), d=fold.features.shape[1])
        return fit_and_write(fold, settings, out, place, about, started)
    except (WrongInput, OSError) as error:
        print(sentence_of(error), file=sys.stderr)
        return WRONG_INPUT
    finally:
        shutil.rmtree(place, ignore_errors=True)


def fit_and_write(fold: Fold, settings: dict[str, Any], out: Path, place: Path, about: dict[str, Any], started: float) -> int:
    """Fit, predict and write; NO_MODEL where there is no model, with the reason in about.json."""
    facts: dict[str, Any] = {"statuses": {}, "failures": [], "leaderboard": [], "ensemble": [], "reproducible": False}
    error = None
    try:
        with everything_printed_to(place / "log.txt"):
            model, predicted = fit_and_predict(fold, settings, place, facts)
    except WrongInput:
        raise
    except NoModel as reason:
        error = str(reason)
    # Whatever the library raises: the reason is written down, and this fold has no prediction.
    except Exception as failure:
        error = f"auto-sklearn failed: {sentence_of(failure)} {limits_text(settings)}"
    facts["seconds"] = round(time.monotonic() - started, 1)
    about = {**about, **facts, "versions": versions(), "error": error}
    if error is None:
        about["model"] = {"file": "model.pkl", "note": PICKLE}
        write_whole(out / "model.pkl", lambda path: dump(model, path))
        rows = [("photo", "predicted"), *((photo, repr(float(years))) for photo, years in zip(fold.tested_photos, predicted))]
        write_whole(out / "predictions.csv", lambda path: write_csv(path, rows))
    text = json.dumps(about, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(out / "about.json", lambda path: path.write_text(text, encoding="utf-8"))
    if error is not None:
        print(error, file=sys.stderr)
        return NO_MODEL
    return 0


# What is read


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a JSON file, each of its kind and within what auto-sklearn can do; raises WrongInput."""
    settings = read_json(path)
    if set(settings) != set(KINDS):
        names = ", ".join(sorted(set(settings) ^ set(KINDS)))
        raise WrongInput(f"{path} must name {', '.join(KINDS)} and nothing else; missing or not known: {names}.")
    for name, kind in KINDS.items():
        if type(settings[name]) is not kind:
            raise WrongInput(f"{path}: {name} must be a {'text' if kind is str else 'whole number'}, not {settings[name]!r}.")
    if settings["seconds"] < LEAST_SECONDS:
        raise WrongInput(f"{path}: seconds is {settings['seconds']}; auto-sklearn needs {LEAST_SECONDS} or more for a fold.")
    for name, least in {"seconds_a_model": 1, "jobs": 1, "trials": 0, "seed": 0}.items():
        if settings[name] < least:
            raise WrongInput(f"{path}: {name} is {settings[name]}; it must be {least} or more.")
    if settings["inner_split"] not in SPLITS:
        raise WrongInput(f"{path}: inner_split is {settings['inner_split']!r}; it must be one of {', '.join(SPLITS)}.")
    if memory_of_a_model(settings) < LEAST_MB_A_MODEL:
        raise WrongInput(
            f"{path}: memory_mb is {settings['memory_mb']}; with {settings['jobs']} model(s) at a time it must be "
            f"{HEAD_ROOM_MB + LEAST_MB_A_MODEL * settings['jobs']} or more: {HEAD_ROOM_MB} for the process itself, "
            f"{LEAST_MB_A_MODEL} for each."
        )
    return settings


def memory_of_a_model(settings: dict[str, Any]) -> int:
    """What auto-sklearn may give each of its trials, in MB: an equal part of what the process itself leaves."""
    return int((settings["memory_mb"] - HEAD_ROOM_MB) // settings["jobs"])


def read_fold(folder: Path, number: int) -> Fold:
    """One fold of a folder of features; raises WrongInput where a file is not what meta.json or another file says."""
    path = folder / "features.npy"
    sha256 = digest(path)
    said = read_json(folder / "meta.json").get("features")
    if said != sha256:
        raise WrongInput(f"{path} is not the file that meta.json names (SHA-256 {sha256[:12]}, not {str(said)[:12]}): export it again.")
    try:
        features = np.load(str(path), mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise WrongInput(f"{path} cannot be read as an array: {sentence_of(error)}") from error
    if features.ndim != 2 or features.dtype != np.float32 or not features.flags.c_contiguous:
        raise WrongInput(f"{path} must be float32 of two dimensions in C order; it is {features.dtype} of shape {features.shape}.")
    photos, subjects, ages = read_photos(folder / "photos.csv")
    if len(photos) != len(features):
        raise WrongInput(f"{folder / 'photos.csv'} has {len(photos)} rows, {path.name} has {len(features)}: export both again.")
    parts = read_parts(folder / "folds.csv", number)
    row_of = {photo: row for row, photo in enumerate(photos)}
    unknown = [photo for photo in parts if photo not in row_of]
    if unknown:
        raise WrongInput(f"{folder / 'folds.csv'} names {unknown[0]!r} in fold {number}, which photos.csv does not have.")
    fitted = sorted(row_of[photo] for photo, part in parts.items() if part in ("train", "validation"))
    tested = sorted(row_of[photo] for photo, part in parts.items() if part == "test")
    if not fitted or not tested:
        raise WrongInput(
            f"Fold {number} in {folder / 'folds.csv'} has {len(fitted)} photos to fit to and {len(tested)} to test; both need some."
        )
    for row in fitted + tested:
        if not np.isfinite(features[row]).all():
            raise WrongInput(f"{path} has a value that is not finite in row {row} ({photos[row]}): export it again from sound weights.")
    if not np.isfinite(ages[fitted]).all():
        raise WrongInput(f"{folder / 'photos.csv'} has an age that is not finite among the photos of fold {number} to fit to.")
    return Fold(
        features=np.ascontiguousarray(features[fitted]),
        ages=ages[fitted],
        subjects=[subjects[row] for row in fitted],
        tested=np.ascontiguousarray(features[tested]),
        tested_photos=[photos[row] for row in tested],
        sha256=sha256,
    )


def read_photos(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Names, subjects and ages (years) of photos.csv, row by row."""
    rows = read_csv(path, ("photo", "subject", "age"))
    photos = [row[0] for row in rows]
    if len(set(photos)) != len(photos):
        raise WrongInput(f"{path} names {Counter(photos).most_common(1)[0][0]!r} twice.")
    try:
        ages = np.array([float(row[2] or "nan") for row in rows], dtype=np.float64)
    except ValueError as error:
        raise WrongInput(f"{path} has an age that is no number: {error}.") from error
    return photos, [row[1] for row in rows], ages


def read_parts(path: Path, number: int) -> dict[str, str]:
    """Part of each photo in one fold of folds.csv."""
    rows = read_csv(path, ("fold", "photo", "part"))
    mine = [(photo, part) for fold, photo, part in rows if fold == str(number)]
    if not mine:
        folds = sorted({row[0] for row in rows})
        raise WrongInput(f"{path} has no fold {number}; it has {len(folds)}: {', '.join(folds[:5])}{', ...' if len(folds) > 5 else ''}.")
    parts = dict(mine)
    if len(parts) != len(mine):
        raise WrongInput(f"{path} names {Counter(photo for photo, _ in mine).most_common(1)[0][0]!r} twice in fold {number}.")
    return parts


def read_csv(path: Path, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The named columns of a CSV file, row by row."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise WrongInput(f"{path} has no column {missing[0]!r}; it needs {', '.join(columns)}.")
            return [tuple(row[name] or "" for name in columns) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongInput(f"{path} is no CSV file in UTF-8: {sentence_of(error)}") from error


def read_json(path: Path) -> dict[str, Any]:
    """The object of a JSON file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WrongInput(f"{path} is no JSON: {sentence_of(error)}") from error
    if not isinstance(value, dict):
        raise WrongInput(f"{path} must hold an object of names and values.")
    return value


def digest(path: Path) -> str:
    """SHA-256 of a file in hex, read in pieces."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            found.update(piece)
    return found.hexdigest()


# The division inside the fold


def split_by_subjects(subjects: list[str], seed: int) -> InnerSplit:
    """Rows of some people to fit models to, and of others to judge them by: nobody is on both sides.

    People come in an order drawn from the seed, and are judged by until their photos are nearest to the share that auto-sklearn's own
    hold-out takes. Raises WrongInput for one person alone.
    """
    people = sorted(set(subjects))
    if len(people) < 2:
        raise WrongInput("The photos to fit to are of one person: inner_split subjects needs two or more; use random.")
    counts = Counter(subjects)
    order = [people[number] for number in np.random.RandomState(seed).permutation(len(people))]
    judged_photos = np.cumsum([counts[person] for person in order[:-1]])
    last = int(np.argmin(np.abs(judged_photos - HELD_OUT * len(subjects))))
    judged = np.isin(np.array(subjects), order[: last + 1])
    return InnerSplit(fitted=np.flatnonzero(~judged), judged=np.flatnonzero(judged))


def split_of_auto_sklearn(n: int) -> InnerSplit:
    """The hold-out of auto-sklearn 0.15 itself: every photo for itself, the same for every seed."""
    from sklearn.model_selection import ShuffleSplit

    fitted, judged = next(ShuffleSplit(n_splits=1, test_size=HELD_OUT, random_state=1).split(np.zeros(n)))
    return InnerSplit(fitted=fitted, judged=judged)


# The fit


def fit_and_predict(fold: Fold, settings: dict[str, Any], place: Path, facts: dict[str, Any]) -> tuple[Any, np.ndarray]:
    """The fitted model and years for the tested photos; puts into `facts` what came of the search, also where NoModel is raised.

    A splitter of scikit-learn as resampling strategy is taken for regression, but auto-sklearn then predicts only after a refit, which
    no limit of time holds. So people are kept apart by the order of rows: its hold-out without shuffling takes the first rows to fit to.
    """
    warnings.simplefilter("ignore")
    from autosklearn.regression import AutoSklearnRegressor

    if settings["inner_split"] == "subjects":
        split = split_by_subjects(fold.subjects, settings["seed"])
        rows = np.concatenate([split.fitted, split.judged])
        # Half a photo more: it is multiplied by the number of photos and rounded down.
        strategy = {"train_size": (len(split.fitted) + 0.5) / len(rows), "shuffle": False}
    else:
        split, rows, strategy = split_of_auto_sklearn(len(fold.ages)), np.arange(len(fold.ages)), {}
    facts["inner_split"] = describe_split(split, fold.subjects, settings["inner_split"])
    facts["memory_mb_a_model"] = memory_of_a_model(settings)
    trials = settings["trials"]
    model = AutoSklearnRegressor(
        time_left_for_this_task=settings["seconds"],
        per_run_time_limit=settings["seconds_a_model"],
        # More beginnings than trials would be refused; the first is auto-sklearn's default configuration.
        initial_configurations_via_metalearning=min(META_CONFIGURATIONS, trials - 1) if trials else META_CONFIGURATIONS,
        smac_scenario_args={"runcount_limit": trials} if trials else None,
        seed=settings["seed"],
        memory_limit=facts["memory_mb_a_model"],
        n_jobs=settings["jobs"],
        resampling_strategy="holdout",
        resampling_strategy_arguments=strategy,
        dataset_compression=False,  # it may drop rows without a word
        tmp_folder=str(place / "search"),
        delete_tmp_folder_after_terminate=False,  # what trials were judged on is read there
        logging_config=silent_logging(),
    )
    began = time.monotonic()
    model.fit(fold.features[rows], fold.ages[rows])
    facts["seconds_of_search"] = round(time.monotonic() - began, 1)
    statuses = Counter(run.status.name for run in model.automl_.runhistory_.data.values())
    facts["statuses"] = dict(statuses)
    facts["failures"] = failures_of(model)
    members = [(float(weight), member) for weight, member in model.get_models_with_weights()]
    facts["ensemble"] = [{"weight": weight, "family": family_of(member)} for weight, member in members]
    if not statuses["SUCCESS"] or all(row["family"] == "dummy" for row in facts["ensemble"]):
        counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())) or "none"
        raise NoModel(f"auto-sklearn found no model better than a constant. Its trials: {counts}. {limits_text(settings)}")
    facts["leaderboard"] = leaderboard_of(model)
    facts["reproducible"] = 0 < trials <= sum(statuses.values()) and settings["jobs"] == 1 and not any(map(met_a_limit, facts["failures"]))
    check_judged(model, fold.ages[split.judged])
    predicted = np.asarray(model.predict(fold.tested), dtype=np.float64).reshape(-1)
    if len(predicted) != len(fold.tested) or not np.isfinite(predicted).all():
        raise NoModel("auto-sklearn's ensemble gave a prediction that is not a number of years.")
    return model, predicted


def limits_text(settings: dict[str, Any]) -> str:
    """The limits of a search, for an error."""
    return (
        f"Its limits: {settings['seconds']} s, {settings['seconds_a_model']} s a model, {settings['memory_mb']} MB, of which a model may "
        f"take {memory_of_a_model(settings)} MB. Give it more, or use another engine."
    )


def describe_split(split: InnerSplit, subjects: list[str], kind: str) -> dict[str, Any]:
    """Counts of photos and people on both sides of the hold-out, and of people that are on both."""
    fitted, judged = ({subjects[row] for row in side} for side in split)
    return {
        "kind": kind,
        "photos_fitted": len(split.fitted),
        "photos_judged": len(split.judged),
        "people_fitted": len(fitted),
        "people_judged": len(judged),
        "people_on_both_sides": len(fitted & judged),
    }


def check_judged(model: Any, ages: np.ndarray) -> None:
    """Raise NoModel where auto-sklearn judged its models by other photos than the hold-out's: it has kept the ages it compared with."""
    kept = np.asarray(model.automl_._backend.load_targets_ensemble(), dtype=np.float64).reshape(-1)
    if len(kept) != len(ages) or not np.allclose(kept, ages, rtol=1e-6, atol=1e-6):
        raise NoModel(f"auto-sklearn judged its models by {len(kept)} other photos than the {len(ages)} of the division that was meant.")


def family_of(member: Any) -> str:
    """Which kind of model a member of the ensemble is: auto-sklearn's name of it, or `dummy` for the constant."""
    if type(member).__name__ == "MyDummyRegressor":
        return "dummy"
    return str(member.config["regressor:__choice__"])


def failures_of(model: Any) -> list[dict[str, Any]]:
    """What trials failed of, the most frequent first: status, family, what the library says, how many."""
    history = model.automl_.runhistory_
    failed = Counter(
        (run.status.name, str(history.ids_config[key.config_id]["regressor:__choice__"]), failure_text(run.additional_info))
        for key, run in history.data.items()
        if run.status.name in FAILED
    )
    return [{"status": status, "family": family, "said": said, "count": count} for (status, family, said), count in failed.most_common()]


def met_a_limit(failure: dict[str, Any]) -> bool:
    """Whether a failure came of a limit, which another trial at another moment may not meet; an error of its own comes again."""
    return failure["status"] != "CRASHED" or failure["said"] in ("", "Result queue is empty")


def failure_text(said: Any) -> str:
    """The error of a trial in one line, empty where the library has kept none."""
    text = said.get("error", "") if isinstance(said, dict) else ""
    return " ".join(str(text).split())[:200]


def leaderboard_of(model: Any) -> list[dict[str, Any]]:
    """All models that were fitted, the best first; `cost` is 1 - R2 on the photos they were judged by."""
    table = model.leaderboard(ensemble_only=False)
    return [
        {
            "rank": int(row["rank"]),
            "weight": float(row["ensemble_weight"]),
            "type": str(row["type"]),
            "cost": float(row["cost"]),
            "seconds": round(float(row["duration"]), 2),
        }
        for _, row in table.iterrows()
        if row[["rank", "type", "cost"]].notna().all()  # a constant in the ensemble has none of them
    ]


def silent_logging() -> dict[str, Any]:
    """auto-sklearn's own settings of its log, without the console."""
    import autosklearn
    import yaml

    settings = yaml.safe_load((Path(autosklearn.__file__).parent / "util" / "logging.yaml").read_text(encoding="utf-8"))
    settings["handlers"]["console"]["level"] = "CRITICAL"
    return dict(settings)


def versions() -> dict[str, str]:
    """What a pickle of the model needs."""
    import autosklearn
    import sklearn

    named = {"auto-sklearn": autosklearn.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    return {"python": platform.python_version(), **named}


# What is written


def dump(model: Any, path: Path) -> None:
    """Write a fitted model as a pickle."""
    import joblib

    joblib.dump(model, str(path), compress=3)


def write_csv(path: Path, rows: list[tuple[str, str]]) -> None:
    """Write rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary name beside `path`, and rename: a kill leaves no part of it under its name."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def sentence_of(error: BaseException) -> str:
    """An error as one line: auto-sklearn's go over many, and some are tuples."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    parts = [part for argument in error.args for part in (argument if isinstance(argument, tuple) else (argument,))]
    text = " ".join(str(part) for part in parts) or type(error).__name__
    text = " ".join(text.split()).rstrip(".")
    return f"{text[:400]}{'...' if len(text) > 400 else '.'}"


@contextlib.contextmanager
def everything_printed_to(path: Path) -> Iterator[None]:
    """Inside, what this process and its children print goes to a file: libraries write to both streams, some below Python."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with path.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)


# Ends


def end_when_asked(place: Path, with_parent: bool) -> None:
    """On SIGTERM, and when standard input is closed, end at once: trials, the server of the log and temporary files go with it.

    No exception is raised for that: the library that runs the trials swallows any. Trials that are forked from here take SIGTERM as they
    would have, which is how they are ended at their limit, and end with this process, whatever kills it.
    """
    main_process = os.getpid()
    own_death = ctypes.CDLL(None).prctl

    def end(*_: object) -> NoReturn:
        import psutil

        until = time.monotonic() + CLEARED_WITHIN_S
        while place.exists() and time.monotonic() < until:
            children = psutil.Process(main_process).children(recursive=True)
            for child in children:
                with contextlib.suppress(psutil.Error):
                    child.kill()
            psutil.wait_procs(children, timeout=1)  # else they write while their folder is removed
            shutil.rmtree(place, ignore_errors=True)
        os._exit(STOPPED)

    def in_child() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        own_death(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        os.kill(main_process, signal.SIGTERM)  # so that the main thread starts no further trial
        time.sleep(CLEARED_WITHIN_S)
        end()  # it was held up where no signal reaches it

    signal.signal(signal.SIGTERM, end)
    os.register_at_fork(after_in_child=in_child)
    if with_parent:
        threading.Thread(target=watch, daemon=True, name="parent").start()


if __name__ == "__main__":
    sys.exit(main())
