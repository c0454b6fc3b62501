"""The data block: columns that belong together, and text that cannot end its element."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from agerepro.report.html.data import json_block, run_data
from agerepro.report.html.faces import thumbnail
from agerepro.report.html.loaded import load
from agerepro.report.html.posteriors import beliefs, pack
from agerepro.tables import PREDICTIONS, read_table


def test_what_could_end_a_script_element_is_escaped_and_comes_back():
    value = {"name": "</script><!-- & \u2028 ü"}
    block = json_block(value)
    assert "<" not in block and ">" not in block and "&" not in block and "\u2028" not in block and "ü" in block
    assert json.loads(block) == value


def test_posteriors_are_bytes_scaled_to_the_largest_share():
    packed = base64.b64decode(pack(np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 0.1]])))
    assert list(packed) == [255, 128, 128, 0, 0, 255]  # by hand; 127.5 is rounded to even


def test_every_photo_keeps_its_own_numbers_however_the_files_are_ordered(make_folder):
    made = make_folder()
    run = load(made.folder, partial=False)
    data = run_data(run, "x", beliefs=beliefs(run), maps=None, faces=None)
    photos = data["photos"]
    assert sorted(photos["photo"]) == sorted(made.photos["photo"])
    ages = dict(zip(made.photos["photo"], made.photos["age"]))
    assert photos["truth"] == [round(ages[photo], 2) for photo in photos["photo"]]
    shares = np.frombuffer(base64.b64decode(data["beliefs"]), np.uint8).reshape(len(ages), len(data["bins"]))
    # The made-up posteriors are narrow bells: what is believed most is what is said, within a year.
    assert np.abs(np.array(data["bins"])[shares.argmax(axis=1)] - photos["said"]).max() <= 1.5
    for fold, error in zip(data["folds"]["fold"], data["folds"]["error"]):
        tested = read_table(made.folder / "folds" / f"{fold:03d}" / "predictions.csv", PREDICTIONS)
        assert error == pytest.approx((tested["predicted"] - tested["age"]).abs().mean(), abs=1e-3)


def test_a_thumbnail_is_small_and_the_same_again():
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (256, 256), (200, 120, 40)).save(out, "JPEG")
    first = thumbnail(out.getvalue())
    with Image.open(io.BytesIO(base64.b64decode(first))) as small:
        assert small.format == "WEBP" and small.size == (96, 96)
        assert np.abs(np.asarray(small).astype(int) - [200, 120, 40]).max() < 8
    assert thumbnail(out.getvalue()) == first
