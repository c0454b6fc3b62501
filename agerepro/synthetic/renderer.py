"""A drawn person at an age in a scene as a photo with landmarks; a sheet of several ages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.synthetic.ageing import FaceParams, face_params
from agerepro.synthetic.body import paint_body
from agerepro.synthetic.camera import Camera, background, camera, postprocess
from agerepro.synthetic.canvas import Array, new_canvas
from agerepro.synthetic.face import corner, paint_brows, paint_eyes, paint_glasses
from agerepro.synthetic.hair import paint_back_hair, paint_hair
from agerepro.synthetic.person import NUISANCE, Person, Scene, draw_person, draw_scene
from agerepro.synthetic.skin import paint_head

LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")  # "left" is the one at smaller x
_ROOM = 0.1  # of the side: more canvas above the head than the picture shows, for a head that nods


@dataclass(frozen=True)
class Shot:
    """Where everything of a photo lies before it is drawn; cheap, so that truth needs no picture."""

    params: FaceParams
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
    return Drawn(postprocess(picture, scene), shot.box, shot.landmarks)


def render_empty(scene: Scene, size: int) -> npt.NDArray[np.uint8]:
    """A picture with nobody in it: RGB uint8 (size, size, 3)."""
    return postprocess(scenery(size, scene), scene)


def aim(person: Person, age: float, scene: Scene, size: int) -> Shot:
    """The geometry of a photo: the face box takes `scene.face_share` of the side, in the middle but for the scene's shift."""
    params = face_params(person, age)
    top, bottom = _box_ends(params)
    scale = scene.face_share * size / max(bottom - top, 2.0)
    centre = ((size - 1) / 2, (size - 1) / 2 - (top + bottom) / 2 * scale)
    room = round(_ROOM * size)
    canvas = (centre[0] + room / 2, centre[1] + room)
    lens = camera(scene, scale, canvas, centre)
    wide, low = corner(params, scene.smile)
    face = [(-params.eye_x, 0.0), (params.eye_x, 0.0), (0.0, params.nose - 0.14), (-wide, low), (wide, low)]
    places = lens.project([*face, (-1.0, 0.15), (1.0, 0.15), (0.0, top), (0.0, bottom)])
    # Turning moves the face; the photographer follows it.
    middle = np.array([places[5, 0] + places[6, 0], places[7, 1] + places[8, 1]]) / 2
    move = (size - 1) / 2 + np.array(scene.shift) * size - middle
    places += move
    lens = replace(lens, picture=(float(centre[0] + move[0]), float(centre[1] + move[1])))
    box = (float(places[5, 0]), float(places[7, 1]), float(places[6, 0]), float(places[8, 1]))
    return Shot(params, lens, box, places[:5])


def scenery(size: int, scene: Scene) -> Array:
    """The background of a scene: RGB 0..1 (size, size, 3)."""
    return cv2.merge(list(background(size, scene.background)))


def _before(picture: Array, person: Person, shot: Shot, scene: Scene) -> Array:
    """The picture (size, size, 3) with a person painted in front of it."""
    params, size = shot.params, len(picture)
    canvas = new_canvas(size + round(_ROOM * size), shot.camera.scale, shot.camera.canvas)
    paint_back_hair(canvas, person, params, scene)
    paint_body(canvas, person, params, scene)
    light = paint_head(canvas, person, params, scene)
    paint_eyes(canvas, person, params, scene, light)
    paint_brows(canvas, person, params, scene, light)
    paint_hair(canvas, person, params, scene)
    paint_glasses(canvas, person, params, scene)
    layers = shot.camera.expose(cv2.merge([*canvas.paint, canvas.cover]), size)
    return layers[..., :3] + picture * (1 - layers[..., 3:])


def _box_ends(params: FaceParams) -> tuple[float, float]:
    """Where face detectors draw top and bottom of a face's box: half way up the forehead, and the chin."""
    return 0.5 * params.brow_y + 0.5 * params.hairline - 0.05, params.chin + 0.02


def contact_sheet(
    people: Sequence[int], ages: Sequence[float], *, seed: int = 0, size: int = 160, columns: int = 0, nuisance: str = ""
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """RGB uint8 picture of every person (number) at every age (years), person by person, `columns` faces a row.

    `columns` 0 gives one row a person. `nuisance` names a data set whose nuisance is drawn; empty gives even studio light.
    """
    pairs = [(number, age) for number in people for age in ages]
    columns = columns or len(ages)
    faces = []
    for number, age in pairs:
        person = draw_person(seed, number)
        rng = np.random.default_rng([seed, number, int(age)])
        scene = draw_scene(NUISANCE[nuisance], person, age, rng) if nuisance else Scene(background=number + int(age), face_share=0.52)
        face = render(person, age, scene, size).image
        label = f"{age:g}"
        cv2.putText(face, label, (4, size - 6), cv2.FONT_HERSHEY_SIMPLEX, size / 320, (255, 255, 255), 2, cv2.LINE_AA)
        cv2.putText(face, label, (4, size - 6), cv2.FONT_HERSHEY_SIMPLEX, size / 320, (20, 20, 20), 1, cv2.LINE_AA)
        faces.append(face)
    faces += [np.full_like(faces[0], 255)] * (-len(faces) % columns)
    return np.vstack([np.hstack(faces[start : start + columns]) for start in range(0, len(faces), columns)])
