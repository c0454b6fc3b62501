"""A photo of a person at an age in a scene, with the true face box and landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.datasets.synthetic.ageing import Looks, looks
from agerepro.datasets.synthetic.backdrop import backdrop
from agerepro.datasets.synthetic.body import paint_body
from agerepro.datasets.synthetic.camera import Camera, camera
from agerepro.datasets.synthetic.easel import Array, new_easel
from agerepro.datasets.synthetic.eyes import paint_brows, paint_eyes
from agerepro.datasets.synthetic.film import develop
from agerepro.datasets.synthetic.glasses import paint_glasses
from agerepro.datasets.synthetic.hair import paint_back_hair, paint_hair
from agerepro.datasets.synthetic.mouth import corner
from agerepro.datasets.synthetic.person import Person
from agerepro.datasets.synthetic.scene import Scene
from agerepro.datasets.synthetic.skin import paint_head

LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")  # "left" is the one at smaller x


@dataclass(frozen=True)
class Shot:
    """Where everything of a photo lies before it is drawn; cheap, so that truth needs no picture."""

    looks: Looks
    camera: Camera
    box: tuple[float, float, float, float]  # left, top, right, bottom of the face, pixels
    landmarks: npt.NDArray[np.float64]  # (5, 2), pixels, in the order of LANDMARKS

    def square(self) -> tuple[float, float, float, float]:
        """The smallest square around the box, centred on it: left, top, right, bottom in pixels."""
        left, top, right, bottom = self.box
        x, y, half = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top) / 2
        return x - half, y - half, x + half, y + half


@dataclass(frozen=True)
class Drawn:
    """A rendered photo."""

    image: npt.NDArray[np.uint8]  # (size, size, 3), RGB
    box: tuple[float, float, float, float]  # left, top, right, bottom of the face, pixels
    landmarks: npt.NDArray[np.float64]  # (5, 2), pixels, in the order of LANDMARKS


def render(person: Person, age: float, scene: Scene, size: int, *, behind: tuple[Person, float, Scene] | None = None) -> Drawn:
    """Draw `person` at `age` (years) as `scene` says: an RGB picture of `size` x `size` pixels with its truth.

    `behind` is a second person with an age and a scene, drawn between `person` and the background.
    The same arguments give the same pixels in every process.
    """
    picture = scenery(size, scene)
    if behind is not None:
        other, other_age, other_scene = behind
        picture = _before(picture, other, aim(other, other_age, other_scene, size), other_scene)
    shot = aim(person, age, scene, size)
    picture = _before(picture, person, shot, scene)
    return Drawn(develop(picture, scene), shot.box, shot.landmarks)


def render_empty(scene: Scene, size: int) -> npt.NDArray[np.uint8]:
    """A picture with nobody in it: RGB uint8 (size, size, 3)."""
    return develop(scenery(size, scene), scene)


def aim(person: Person, age: float, scene: Scene, size: int) -> Shot:
    """The geometry of a photo: the face box takes `scene.face_share` of the side, in the middle but for the scene's shift."""
    state = looks(person, age)
    top, bottom = _box_ends(state)
    scale = scene.face_share * size / max(bottom - top, 2.0)
    centre = ((size - 1) / 2, (size - 1) / 2 - (top + bottom) / 2 * scale)
    lens = camera(scene, scale, centre, centre)
    # Turning moves the face; the photographer follows it.
    frame = _frame(lens, top, bottom)
    x, y = (frame[0] + frame[2]) / 2, (frame[1] + frame[3]) / 2
    moved = (centre[0] + (size - 1) / 2 + scene.shift[0] * size - x, centre[1] + (size - 1) / 2 + scene.shift[1] * size - y)
    lens = camera(scene, scale, centre, moved)
    wide, low = corner(state, scene.smile)
    points = [(-state.eye_x, 0.0), (state.eye_x, 0.0), (0.0, state.nose - 0.14), (-wide, low), (wide, low)]
    return Shot(state, lens, _frame(lens, top, bottom), lens.project(points))


def scenery(size: int, scene: Scene) -> Array:
    """The background of a scene: RGB 0..1 (size, size, 3)."""
    return cv2.merge(list(backdrop(size, scene.backdrop)))


def _before(picture: Array, person: Person, shot: Shot, scene: Scene) -> Array:
    """The picture (size, size, 3) with a person painted in front of it."""
    state, size = shot.looks, len(picture)
    easel = new_easel(size, shot.camera.scale, shot.camera.canvas)
    paint_back_hair(easel, person, state, scene)
    paint_body(easel, person, state, scene)
    light = paint_head(easel, person, state, scene)
    paint_eyes(easel, person, state, scene, light)
    paint_brows(easel, person, state, scene, light)
    paint_hair(easel, person, state, scene)
    paint_glasses(easel, person, state, scene)
    layers = shot.camera.expose(cv2.merge([*easel.paint, easel.cover]), size)
    return layers[..., :3] + picture * (1 - layers[..., 3:])


def _frame(lens: Camera, top: float, bottom: float) -> tuple[float, float, float, float]:
    left, right, high, low = lens.project([(-1.0, 0.15), (1.0, 0.15), (0.0, top), (0.0, bottom)])
    return float(left[0]), float(high[1]), float(right[0]), float(low[1])


def _box_ends(state: Looks) -> tuple[float, float]:
    """Where face detectors draw top and bottom of a face's box: half way up the forehead, and the chin."""
    return 0.5 * state.brow_y + 0.5 * state.hairline - 0.05, state.chin + 0.02
