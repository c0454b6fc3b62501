"""A finished run -> a folder with its exported model and its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from agerepro.prediction.calibration import tested
from agerepro.prediction.export import Exported, export, refuse_foreign
from agerepro.prediction.inference_model import inference_model
from agerepro.prediction.model_card import card_files
from agerepro.prediction.outputs import folds_asked
from agerepro.prediction.samples import faces_of_run, random_pictures
from agerepro.runs.folder import Run
from agerepro.training.restore import restored


def export_run(
    run: Run, folder: Path, *, folds: str | None, styles: Sequence[str], on_progress: Callable[[str, int, int], object]
) -> list[Exported]:
    """Export the first seed's fold, or the mean of the folds (`folds` as `folds_asked` reads it), in these styles.

    UserError for folds without weights, or a folder that is something else; FoundWanting where a file differs from Keras.
    """
    refuse_foreign(folder)
    first = restored(run)
    experiment = first.experiment
    seed = experiment.seeds[0]
    chosen = folds_asked(first, folds, seed=seed)
    model, _ = inference_model(run, chosen, seed=seed)
    samples = [random_pictures(experiment.augment.size), faces_of_run(run, experiment)]
    card = partial(card_files, run, first, tested(run, experiment, seed=seed), chosen)
    return export(model, samples, folder, styles=styles, card=card, on_progress=on_progress)
