"""Fixtures of the data set tests: .mat files in the structure of the published ones, and tiny JPEGs."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

# Born 27 September 1937, photographed in 1971: 33 (a row of the published WIKI table). Passes every step of the cleaning.
GOOD = {
    "dob": 707745.0, "photo_taken": 1971, "full_path": "41/10003541_1937-09-27_1971.jpg", "gender": 1.0, "name": "Jan Doe",
    "face_location": [11.5, 21.0, 60.0, 80.25], "face_score": 3.5, "second_face_score": np.nan, "celeb_id": 1.0,
}  # fmt: skip
CELLS = ("full_path", "name", "face_location")


def cell(values: list[Any]) -> np.ndarray:
    """A 1 x n MATLAB cell."""
    array = np.empty((1, len(values)), object)
    for i, value in enumerate(values):
        array[0, i] = np.array([value]) if isinstance(value, list) else value
    return array


@pytest.fixture(scope="session")
def mat_struct() -> Callable[..., dict[str, Any]]:
    """`mat_struct({"gender": nan}, {})`: the struct of one row a dict, each a good row with these changes."""

    def build(*changes: dict[str, Any], celeb_names: list[str] | None = None) -> dict[str, Any]:
        rows = [GOOD | change for change in changes]
        fields = [name for name in GOOD if name != "celeb_id" or celeb_names is not None]
        struct = {name: cell([row[name] for row in rows]) if name in CELLS else np.array([[row[name] for row in rows]]) for name in fields}
        struct["photo_taken"] = struct["photo_taken"].astype(np.uint16)
        return struct if celeb_names is None else struct | {"celeb_names": cell(celeb_names)}

    return build


@pytest.fixture(scope="session")
def save_mat() -> Callable[[Path, str, dict[str, Any]], Path]:
    """`save_mat(path, "wiki", struct)` writes a 1x1 struct of that name, as MATLAB before 7.3."""

    def save(path: Path, name: str, struct: dict[str, Any]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {name: struct})
        return path

    return save


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """`jpeg(seed)`: the bytes of a noisy 24 x 16 picture; options go to Pillow's encoder."""

    def encode(seed: int, **options: Any) -> bytes:
        pixels = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", **options)
        return buffer.getvalue()

    return encode


PHOTOS_OF = {  # where a photo of each set that is read by listing folders may lie
    "fgnet": "FGNET/images/001A02.JPG",
    "agedb": "AgeDB/0_MariaCallas_35_f.jpg",
    "adience": "aligned/7@N01/landmark_aligned_face.1.a.jpg",
    "vggface2": "train/n000002/0001_01.jpg",
    "congress": "images/A000014.jpg",
    "utkface": "UTKFace/25_1_0_20170116174525125.jpg.chip.jpg",
    "morph": "Album2/012345_1M35.JPG",
    "appareal": "train/000000.jpg_face.jpg",
    "clap2015": "Train/image_1.jpg",
    "clap2016": "train/000000.jpg",
    "aadb": "datasetImages_warp256/farm1_a_b.jpg",
}
AVERAGES = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n"
# Label lists of sets that have some, for the two photos that `small_set` makes.
LISTS_OF = {
    "morph": {
        "morph_2008_nonCommercial.csv": "id_num,age,gender,photo\n12345,35,M,Album2/012345_1M35.JPG\n12345,36,M,012345_2M36.JPG\n"
    },
    "appareal": {
        "gt_avg_train.csv": f"{AVERAGES}000000.jpg,2,30,1,31\n000001.jpg,2,40,1,41\n",
        "gt_avg_valid.csv": AVERAGES,
        "gt_avg_test.csv": AVERAGES,
    },
    "clap2015": {"Train.csv": "image_1.jpg;23;4.27\nimage_2.jpg;40;5\n"},
    "clap2016": {"train_gt.csv": "image,mean,stdv\n000000.jpg,23.5,4.27\n000001.jpg,40,5\n"},
    "aadb": {
        "imgListFiles_label/imgListTrainRegression_score.txt": "farm1_a_b.jpg 0.5000\nfarm1_c_b.jpg 0.7500\n",
        "imgListFiles_label/imgListValidationRegression_score.txt": "",
        "imgListFiles_label/imgListTestNewRegression_score.txt": "",
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def small_set(touch: Callable[..., Path], mat_struct: Callable, save_mat: Callable) -> Callable[[str, Path], Path]:
    """`small_set("fgnet", folder)` makes a set of one or two photos there in its native layout and returns the first photo."""

    def make(name: str, folder: Path) -> Path:
        if name in ("imdb", "wiki"):
            save_mat(folder / f"{name}_crop" / f"{name}.mat", name, mat_struct({}))
            touch(folder / f"{name}_crop", "41/10003541_1937-09-27_1971.jpg")
            return folder / f"{name}_crop" / "41/10003541_1937-09-27_1971.jpg"
        if name == "imdbwiki":
            return [make(part, folder / part) for part in ("wiki", "imdb")][1]
        other = {
            "morph": "012345_2M36.JPG", "appareal": "000001.jpg_face.jpg", "clap2015": "image_2.jpg", "clap2016": "000001.jpg",
            "aadb": "farm1_c_b.jpg",
            "fgnet": "001A03.JPG", "agedb": "1_MariaCallas_36_f.jpg", "vggface2": "0002_01.jpg", "congress": "A000069.jpg",
            "utkface": "26_0_1_20170116174525125.jpg.chip.jpg",
        }  # fmt: skip
        photo = touch(folder, PHOTOS_OF[name]) / PHOTOS_OF[name]
        touch(photo.parent, other.get(name, "landmark_aligned_face.1.b.jpg"))
        for path, text in LISTS_OF.get(name, {}).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        if name == "adience":
            rows = [f"7@N01\t{photo}\t1\t(25, 32)\tf" for photo in ("a.jpg", "b.jpg")]
            for fold in range(5):
                lines = ["user_id\toriginal_image\tface_id\tage\tgender", *(rows if fold == 0 else [])]
                (folder / f"fold_{fold}_data.txt").write_text("\n".join(lines) + "\n")
        return photo

    return make


@pytest.fixture(scope="session")
def touch() -> Callable[..., Path]:
    """`touch(folder, "a.jpg", "b/c.jpg")` makes empty files, since readers never open photos."""

    def make(folder: Path, *names: str) -> Path:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        return folder

    return make
