"""Maps on disk -> small transparent pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from agerepro.errors import UserError
from agerepro.report.html.maps import LARGEST_SIDE, picture, read_maps


def pixels(heat: np.ndarray) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(picture(heat)))) as opened:
        return np.asarray(opened.convert("RGBA")).astype(int)


def test_alpha_grows_with_the_value_and_the_sign_is_a_colour():
    seen = pixels(np.array([[0.0, 0.25, 1.0], [0.0, -0.25, -1.0]]))
    assert seen[0, 0, 3] == 0 and 0 < seen[0, 1, 3] < seen[0, 2, 3] == 255
    red, blue = seen[0, 2], seen[1, 2]
    assert red[0] > red[2] and blue[2] > blue[0]


def test_a_map_is_scaled_to_its_own_largest_value_and_an_empty_one_shows_nothing():
    heat = np.array([[0.1, 0.2], [0.3, 0.4]])
    assert np.array_equal(pixels(heat), pixels(heat * 1000))
    assert not pixels(np.zeros((4, 4)))[..., 3].any()


def test_a_large_map_becomes_small_and_keeps_its_place():
    heat = np.zeros((112, 112))
    heat[:28, 84:] = 1
    seen = pixels(heat)
    assert seen.shape[:2] == (LARGEST_SIDE, LARGEST_SIDE)
    assert seen[0, -1, 3] == 255 and seen[-1, 0, 3] == 0


def test_a_run_without_maps_has_none(make_folder):
    assert read_maps(make_folder().folder, set()) is None


def test_the_files_of_explain_are_read_for_the_photos_that_are_shown(make_folder, add_maps):
    made = make_folder()
    add_maps(made, signed=True)
    two = set(made.photos["photo"][:2])
    maps = read_maps(made.folder, two)
    assert maps is not None and set(maps.pictures) == two and maps.signed
    assert maps.about["layer"] == "conv5_3" and maps.regions is not None and set(maps.regions["group"]) == {"all", "0-9"}
    assert maps.told == "The maps <lean> to eyes and nose.\n"


def test_maps_that_do_not_fit_their_photos_are_refused(make_folder, add_maps):
    made = make_folder()
    add_maps(made)
    np.savez(made.folder / "explain" / "maps.npz", photos=np.array(["a"]), maps=np.zeros((2, 3, 3)))
    with pytest.raises(UserError, match=r"shape \(2, 3, 3\) for 1 photos"):
        read_maps(made.folder, {"a"})
    np.savez(made.folder / "explain" / "maps.npz", heat=np.zeros((2, 3, 3)))
    with pytest.raises(UserError, match="holds heat"):
        read_maps(made.folder, {"a"})
