"""From the upright canvas to the picture: a turned head by parallax, roll and shift, and where its points end up."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.datasets.synthetic.easel import Array
from agerepro.datasets.synthetic.scene import Scene

_DEPTH = 1.0  # how far the face stands out from the plane of the neck, face units
_MIDDLE = 0.15  # height of the neck's joint relative to the eye line's, for nodding


@dataclass(frozen=True)
class Camera:
    """The map between canvas and picture, in face units around the point between the eyes."""

    yaw: float  # radians
    pitch: float
    roll: float
    scale: float  # pixels a face unit
    canvas: tuple[float, float]  # pixel of the point between the eyes on the canvas
    picture: tuple[float, float]  # the same in the picture

    def project(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Face units (n, 2) on the upright face -> picture pixels (n, 2)."""
        face = np.asarray(points, float)
        turned = face.copy()
        for _ in range(8):  # the depth is known where the point ends up, so go there step by step
            depth = _depth(turned[:, 0], turned[:, 1])
            turned = np.stack([face[:, 0] + depth * self.yaw, face[:, 1] + (depth - _MIDDLE) * self.pitch], axis=1)
        cosine, sine = np.cos(self.roll), np.sin(self.roll)
        rolled = np.stack([turned[:, 0] * cosine - turned[:, 1] * sine, turned[:, 0] * sine + turned[:, 1] * cosine], axis=1)
        return rolled * self.scale + np.array(self.picture)

    def expose(self, layers: Array, side: int) -> Array:
        """The canvas (side, side, channels) as the camera sees it."""
        x = (np.arange(side, dtype=np.float32) - np.float32(self.picture[0])) / np.float32(self.scale)
        y = (np.arange(side, dtype=np.float32) - np.float32(self.picture[1])) / np.float32(self.scale)
        cosine, sine = np.float32(np.cos(self.roll)), np.float32(np.sin(self.roll))
        u = cosine * x[None, :] + sine * y[:, None]
        v = -sine * x[None, :] + cosine * y[:, None]
        depth = _depth(u, v)
        u -= depth * np.float32(self.yaw)
        v -= (depth - np.float32(_MIDDLE)) * np.float32(self.pitch)
        u *= np.float32(self.scale)
        v *= np.float32(self.scale)
        u += np.float32(self.canvas[0])
        v += np.float32(self.canvas[1])
        return cv2.remap(layers, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def camera(scene: Scene, scale: float, canvas: tuple[float, float], picture: tuple[float, float]) -> Camera:
    """The camera of a scene."""
    yaw, pitch, roll = (float(np.sin(np.radians(angle))) for angle in (scene.yaw, scene.pitch, scene.roll))
    return Camera(yaw, pitch, float(np.arcsin(roll)), scale, canvas, picture)


def _depth(u: Array | npt.NDArray[np.float64], v: Array | npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
    """How far the head stands out at a place: an ellipsoid with a nose, smooth enough that nothing folds."""
    near = np.maximum(1 - np.square(u / 1.45) - np.square((v + 0.1) / 2.3), 0)
    nose = np.exp(-np.square(u / 0.3) - np.square((v - 0.5) / 0.32))
    return _DEPTH * near + 0.20 * nose
