"""The suite from Python: run an experiment, load a finished run, look at its numbers, ask it about other photos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agerepro.config.loading import PAPER
from agerepro.config.schema import Experiment

if TYPE_CHECKING:
    import pandas as pd

    from agerepro.report.loading import LoadedRun
    from agerepro.runs.layout import Run
    from agerepro.training.reporting import EpochLog

AnyPath = str | PathLike[str]


@dataclass(frozen=True)
class FinishedRun:
    """A run on disk, complete or with some folds missing; its tables are read when they are first asked for.

    folder: where the run lies. Raises UserError, with what to do, for anything in it that is missing or damaged.
    """

    folder: Path

    @cached_property
    def experiment(self) -> Experiment:
        """Every setting of the run, defaults included."""
        return self._loaded.experiment

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """One row a tested photo and seed, by a network that did not see it (nor the person, where the protocol keeps people apart):
        `photo`, `subject`, `fold`, `age`, `predicted` (years) and other decodings of the same posterior; `group`, `predicted_group` where
        age groups are told apart [PREDICTIONS].
        """
        return self._loaded.result.predictions

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row a score: `fold` (a number or `all`), `aggregation` (fold, macro over folds, pooled over photos), `metric`, `value`,
        ends of the 95 % interval `low` and `high`, number of photos or folds `n` [SCORES].
        """
        from agerepro.report.results import score_run

        return score_run(self._loaded.result).scores

    @property
    def disclaimer(self) -> str:
        """What the numbers may not be taken for, e.g. `demo: synthetic faces; people unknown`; "" for the paper's own settings on complete
        data whose folds keep people apart."""
        return self._loaded.result.standing

    def predict(
        self, photos: AnyPath | Iterable[AnyPath], *, folds: str | None = None, faces: Literal["all", "largest"] = "all"
    ) -> pd.DataFrame:
        """Ages of the faces in photos or folders of photos, a row a face: `photo`, `age` (years), `low`, `high`, box, `status`, ...

        folds: average over these (`0,3` or `all`), None for the first that kept its weights. low, high: the interval whose coverage
        was measured on the run's tested people. A photo that cannot be read, or shows no face, is a row with its reason.
        """
        import pandas as pd

        from agerepro.predict.photos import photo_files
        from agerepro.runs.layout import Run
        from agerepro.training.device import configure, suppress_stderr

        places = [photos] if isinstance(photos, (str, PathLike)) else list(photos)
        files = photo_files([Path(place) for place in places])
        configure(self.experiment.machine)
        with suppress_stderr():
            from agerepro.predict.predict import predict_photos
            from agerepro.runs.model import load_run_model
        result = predict_photos(load_run_model(Run(self.folder)), files, folds=folds, which=faces, on_progress=lambda *_: None)
        return pd.DataFrame([dict(row.values) for row in result.rows])

    @cached_property
    def _loaded(self) -> LoadedRun:
        from agerepro.report.loading import load_run

        return load_run(self.folder, partial=True)

    def __repr__(self) -> str:
        return f"FinishedRun({str(self.folder)!r})"


def run(
    experiment: AnyPath,
    *,
    profile: str = PAPER,
    data: AnyPath | None = None,
    runs: AnyPath = "runs",
    weights: AnyPath | None = None,
    folds: str | None = None,
    jobs: int = 1,
    settings: Sequence[str] = (),
    progress: bool = False,
) -> FinishedRun:
    """Train and test what is not done yet of one experiment, as `agerepro run` does, and return the run.

    experiment: a YAML file; profile: `paper` for the file as it stands, or one that it offers (`demo`); data: the folder with one
    folder a data set, or the CSV file or folder of one's own photos, None where the profile draws synthetic faces; runs: where results
    go; weights: the folder of published weight files, None for Keras's own cache; folds: `0-5,7`, None for all; jobs: processes that
    share the folds; settings: overrides as in `--set`, e.g. `stages.fgnet.batch_size=32`; progress: tell on standard error how far it
    is.

    Raises UserError with everything that is missing or wrong before anything is computed, and OSError where `runs` cannot be written.
    """
    from agerepro.runs.local import run_experiments
    from agerepro.runs.plan import RunOptions

    options = RunOptions(
        Path(experiment),
        profile,
        None if data is None else Path(data),
        Path(runs),
        None if weights is None else Path(weights),
        folds,
        jobs,
        tuple(settings),
    )
    if progress:
        from agerepro.cli.options import ProgressReporter

        with ProgressReporter() as reporter:
            (finished,) = run_experiments([options], reporter)
    else:
        (finished,) = run_experiments([options], _Silent())
    return FinishedRun(finished.folder)


def load(run: AnyPath | Run) -> FinishedRun:
    """The run in a folder, or in the one run folder below it. UserError, listing them, where there are none or several."""
    from agerepro.runs.layout import Run, find_run

    return FinishedRun(run.folder if isinstance(run, Run) else find_run(Path(run)).folder)


class _Silent:
    """A Reporter that says nothing."""

    def say(self, text: str) -> None:
        pass

    def count(self, what: str, done: int, total: int) -> None:
        pass

    def epoch(self, stage: str, done: EpochLog, *, fold: int | None, folds_done: int, folds: int) -> None:
        pass
