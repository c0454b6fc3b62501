"""A synthetic FG-NET with the real set's 1,002 file names, hence its 82 people and their ages: `FGNET/images/001A02.JPG`.

The list `cards/fgnet_filenames.txt` is that of FG-Net.json in paplhjak/Facial-Age-Estimation-Benchmark-Databases on GitHub
(commit 9be639bcd979, MIT licence), names only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agerepro.datasets.synthetic.batch import Photo
from agerepro.datasets.synthetic.plan import FIRST_PERSON, Plan, draws, sit
from agerepro.datasets.synthetic.truth import Known
from agerepro.experiment.schema import Synthetic

NAMES = Path(__file__).parents[1] / "cards" / "fgnet_filenames.txt"
FOLDER = "FGNET/images"


def plan(settings: Synthetic) -> Plan:
    """The first `people` of the real list (0: all 82) at their listed ages; with `photos`, only so many names of these."""
    names = NAMES.read_text(encoding="utf-8").split()
    who = sorted({name[:3] for name in names})[: settings.people or None]
    chosen = [name for name in names if name[:3] in who][: settings.photos or None]
    photos = []
    for index, name in enumerate(chosen):
        age = int(name[4:6])
        exact = age + float(draws("fgnet", settings.seed, 2, index).random())
        sitter = sit("fgnet", settings.seed, FIRST_PERSON["fgnet"] + int(name[:3]), exact, index)
        photos.append(Photo(f"{FOLDER}/{name}", settings.size, sitter, label_age=age))
    return Plan(photos, _nothing_else)


def _nothing_else(root: Path, rows: Sequence[Known]) -> None:
    """FG-NET's labels are its file names."""
