"""Photos and a finished run -> estimates of all their faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agerepro.faces.detect import detector
from agerepro.prediction.calibration import Tested, tested
from agerepro.prediction.crops import Which
from agerepro.prediction.estimates import Row, Teller
from agerepro.prediction.known_photos import known_photos
from agerepro.prediction.look import look
from agerepro.prediction.outputs import folds_asked, outputs_of
from agerepro.prediction.photo_files import PhotoFiles
from agerepro.prediction.sources import cut_by_source
from agerepro.training.restore import Restored

Progress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Predicted:
    """Rows in the order of the photos, the names of the posterior's classes, and what the run's test photos say of them."""

    rows: list[Row]
    classes: list[str]
    folds: tuple[int, ...]
    tested: Tested
    photos: PhotoFiles
    cut_by_source: int  # of the run's own faces: those that no detector has found


def predicted(restored: Restored, photos: PhotoFiles, *, folds: str | None, which: Which, on_progress: Progress) -> Predicted:
    """Estimates of the faces in the photos by the run's first seed. UserError for folds that kept no weights.

    on_progress(what, done, total) is called while faces are cut, and while ages are estimated. All crops are held in memory, as
    JPEG (10 to 30 kB each): the photos are read once, and every fold's weights are loaded once.
    """
    experiment = restored.experiment
    seed = experiment.seeds[0]
    chosen = tuple(folds_asked(restored, folds, seed=seed))
    measured = tested(restored.run, experiment, seed=seed)
    looked = look(
        photos.photos,
        experiment.faces,
        which=which,
        detect=detector().detect,
        on_progress=lambda done, total: on_progress("photos", done, total),
    )
    images = [crop.cropped.image for photo in looked for crop in photo.crops if crop.cropped.image]
    outputs = outputs_of(restored, images, chosen, seed=seed, on_progress=lambda done, total: on_progress("faces", done, total))
    teller = Teller(restored.bins, restored.labels, experiment.decode, measured, known_photos(restored.run), chosen)
    classes = list(restored.labels) or [f"{age:g}" for age in restored.bins.tolist()]
    return Predicted(teller.rows(looked, outputs), classes, chosen, measured, photos, cut_by_source(restored.run, experiment))
