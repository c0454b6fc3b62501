"""Reduce full reference data to the values that the tests compare with: `python make_reference.py FULL [OUT]`.

FULL holds `oracles` (outputs of other programs), `data` (label tables, portraits) and `papers` (texts). What each value is, from which
program, and under which licence: README.md. The same input gives the same values.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import re
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

EVERY = {"preprocessed": ("7th_pixel", np.s_[:, ::7, ::7]), "last_map_image0": ("4th_channel", np.s_[..., ::4])}
EVERY_CHANNELS_FIRST = {
    "preprocessed_nchw_image0": ("7th_pixel", np.s_[:, ::7, ::7]),
    "last_map_image0_nchw": ("4th_channel", np.s_[::4]),
}
UNUSED = ("images", "notop_output", "softmax_first64", "softmax_max", "softmax_argmax")
COUNTED = (
    "rows", "exact_eight_groups", "exact_per_fold", "exact_per_group", "none", "single_ages", "odd_pairs", "repeated_among_exact",
    "distinct_face_ids", "distinct_users", "age_known",
)  # fmt: skip


def main(full: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    oracles, metadata = full / "oracles", full / "data" / "metadata"
    for net in ("vgg16", "resnet50", "senet50"):
        reduce_net(oracles / "keras_vggface", net, out)
    for net in ("resnet50_imagenet", "vgg16_bn"):
        reduce_torch_net(oracles / net, net, out)
    reduce_dlib(oracles / "dlib_face_recognition", out)
    reduce_adience(metadata / "adience_folds", out)
    reduce_ages(metadata / "wiki_rows.csv", "dob", out / "wiki_ages.csv.xz")
    reduce_ages(metadata / "imdb_rows.csv", "dob_in_name", out / "imdb_ages.csv.xz")
    for paper in ("koenig2019", "pan2018", "agustsson2017"):
        write_json(out / f"{paper}.json", numbers_of((full / "papers" / f"{paper}.txt").read_text(encoding="utf-8")))
    (out / "portraits").mkdir(exist_ok=True)
    pictures = sorted((full / "data" / "congress-portraits" / "images").glob("*.jpg"))
    for path in pictures[:16]:
        shutil.copyfile(path, out / "portraits" / path.name)


def reduce_net(folder: Path, net: str, out: Path) -> None:
    """<net>.npz without what no test compares, float32 as it is, two arrays thinned; <net>.json.xz; pictures.npz, the same for all nets."""
    with np.load(folder / f"{net}.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez_compressed(out / "pictures.npz", images=arrays["images"])
    for name, (every, places) in EVERY.items():
        arrays[f"{name}_every_{every}"] = arrays.pop(name)[places]
    kept = {name: array for name, array in arrays.items() if name not in UNUSED and not name.startswith("float64_")}
    np.savez_compressed(out / f"{net}.npz", **kept)
    layout = json.loads((folder / f"layout_{net}.json").read_text(encoding="utf-8"))
    compress(out / f"{net}.json.xz", json.dumps(layout, separators=(",", ":")) + "\n")


def reduce_torch_net(folder: Path, net: str, out: Path) -> None:
    """The same of a net in PyTorch's layout, channels first; it sees the same pictures."""
    with np.load(folder / "oracle.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name, (every, places) in EVERY_CHANNELS_FIRST.items():
        arrays[name.replace("_nchw", f"_every_{every}")] = arrays.pop(name)[places]
    kept = {name: array for name, array in arrays.items() if name not in UNUSED and not name.startswith("float64_")}
    np.savez_compressed(out / f"{net}.npz", **kept)
    layout = json.loads((folder / "layout.json").read_text(encoding="utf-8"))
    compress(out / f"{net}.json.xz", json.dumps(layout, separators=(",", ":")) + "\n")


def reduce_dlib(folder: Path, out: Path) -> None:
    """dlib.npz without the recomputed descriptors; dlib_layers.json: the digests of the file's tensors, in its order."""
    with np.load(folder / "oracle.npz") as archive:
        np.savez_compressed(out / "dlib.npz", **{name: archive[name] for name in archive.files if name != "descriptors_float64_recomputed"})
    records = json.loads((folder / "layers.json").read_text(encoding="utf-8"))["layers_in_file_order"]
    digests = [record["sha256_float32_le"] for record in records if "sha256_float32_le" in record]
    write_json(out / "dlib_layers.json", {"sha256": digests})


def reduce_adience(folder: Path, out: Path) -> None:
    """adience.csv: rows of the fold files by fold and label, in order of appearance; adience.json: counts of the full files."""
    current, older = (read_folds(folder / version) for version in ("current_19370", "older_19487"))
    older_labels = {key(row): row["age"] for row in older}
    repeats = Counter(key(row) for row in older)
    rows: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in current:
        rows.setdefault((row["fold"], row["age"], older_labels[key(row)]), []).append(row)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fold", "label", "older_label", "people", "photos", "repeated_in_older"])
    for (fold, label, older_label), its in rows.items():
        people = len({row["face_id"] for row in its})
        writer.writerow([fold, label, older_label, people, len(its), sum(repeats[key(row)] - 1 for row in its)])
    (out / "adience.csv").write_text(text.getvalue(), encoding="utf-8")
    counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    reduced = {version: {name: counts[version][name] for name in COUNTED if name in counts[version]} for version in counts}
    heading = (folder / "current_19370" / "fold_0_data.txt").read_text(encoding="utf-8").splitlines()[0].split("\t")
    write_json(out / "adience.json", {"heading": heading, **reduced})


def read_folds(folder: Path) -> list[dict[str, str]]:
    rows = []
    for fold in range(5):
        with (folder / f"fold_{fold}_data.txt").open(encoding="utf-8", newline="") as file:
            rows += [{"fold": str(fold), **row} for row in csv.DictReader(file, delimiter="\t")]
    return rows


def key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["user_id"], row["original_image"], row["face_id"]


def reduce_ages(path: Path, born: str, out: Path) -> None:
    """Date of birth, its day number, year of the photo, age at mid-year, and gender where there is one; rows without a day number go."""
    columns = {born: "born", "dob_matlab_datenum": "datenum", "photo_taken": "taken", "age_midyear": "age", "gender": "gender"}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dob_matlab_datenum"]]
    columns = {theirs: ours for theirs, ours in columns.items() if theirs in rows[0]}
    lines = [",".join(columns.values()), *(",".join(row[name].removesuffix(".0") for name in columns) for row in rows)]
    compress(out, "\n".join(lines) + "\n")


def numbers_of(text: str) -> dict[str, Any]:
    """The cells of a paper's table lines, and the numbers that each of its sections prints, without its list of references."""
    body = re.sub(r"(?m)</?b>|^- \[\d+\].*$", "", text)
    tables = [line.strip().split("\t") for line in body.splitlines() if "\t" in line and re.search(r"\t-?\d", line)]
    sections: dict[str, set[str]] = {}
    section = "title"
    for line in body.splitlines():
        # "## 2 RELATED WORK", "#### References"; "#### 4.1. Datasets", "## IV. EXPERIMENTS", whose parts belong to their section
        heading = re.fullmatch(r"#+ (?:(\d) )?([A-Z][A-Z ]+|References)", line) or re.fullmatch(r"#+ \**(\d|[IVX]+)\.\S* (.*)", line)
        if heading:
            section = heading[1] or heading[2].lower()
        sections.setdefault(section, set()).update(re.findall(r"(?<![\d.])\d+(?:,\d{3})*(?:\.\d+)?(?!\d)", line))
    del sections["title"], sections["references"]
    return {"tables": tables, "numbers": {name: sorted(numbers, key=by_value) for name, numbers in sections.items() if numbers}}


def by_value(number: str) -> tuple[float, str]:
    return float(number.replace(",", "")), number


def write_json(path: Path, content: dict[str, Any]) -> None:
    """One line an entry of the values."""
    lines = []
    for name, value in content.items():
        if isinstance(value, dict):
            entries, brackets = [f"{json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items()], "{}"
        else:
            entries, brackets = [json.dumps(entry) for entry in value], "[]"
        lines.append(f" {json.dumps(name)}: {brackets[0]}\n  " + ",\n  ".join(entries) + f"\n {brackets[1]}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def compress(path: Path, text: str) -> None:
    path.write_bytes(lzma.compress(text.encode(), preset=9))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
