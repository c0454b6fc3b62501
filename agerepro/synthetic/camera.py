"""From a drawn scene to a photo: perspective, background, and what a camera does to the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.synthetic.canvas import Array, pixel_noise
from agerepro.synthetic.person import Scene

_DEPTH = 1.0  # how far the face stands out from the plane of the neck, face units
_MIDDLE = 0.15  # height of the neck's joint relative to the eye line's, for nodding
_BACKGROUND = 47
_GRID = 24  # blurred scenery is painted this small and enlarged


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


def background(side: int, seed: int) -> Array:
    """A background (3, side, side), RGB 0..1, without people."""
    rng = np.random.default_rng([_BACKGROUND, seed])
    kind = rng.random()
    base = rng.uniform(0.15, 0.75) * (1 + rng.uniform(-0.12, 0.12, 3))
    small: Array = np.ones((_GRID, _GRID, 3), np.float32) * base.astype(np.float32)
    y, x = np.mgrid[-1 : 1 : _GRID * 1j, -1 : 1 : _GRID * 1j]
    if kind < 0.45:
        spot = np.exp(-((x - rng.uniform(-0.4, 0.4)) ** 2 + (y - rng.uniform(-0.6, 0.4)) ** 2) / rng.uniform(0.5, 1.6))
        small *= (0.65 + 0.55 * spot)[..., None]
    else:
        for _ in range(int(rng.integers(5, 14))):
            tone = (0.35 + 0.65 * rng.random()) * base.mean() * 1.5 * (1 + rng.uniform(-0.16, 0.16, 3))
            left, top = (int(value) for value in rng.integers(-4, _GRID, 2))
            wide, high = (int(value) for value in rng.integers(3, 14, 2))
            if kind < 0.75:
                cv2.rectangle(small, (left, top), (left + wide, top + high * 2), tone.tolist(), -1)
            else:
                cv2.ellipse(small, (left, top), (wide, high), 0, 0, 360, tone.tolist(), -1)
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.9, 2.4)))
    large = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    planes: Array = np.ascontiguousarray(large.transpose(2, 0, 1))
    planes += np.float32(0.006) * pixel_noise((side, side), (seed % 509, seed % 487), 1.0)
    return np.clip(planes, 0, 1)


def postprocess(picture: Array, scene: Scene) -> npt.NDArray[np.uint8]:
    """RGB (h, w, 3), 0..1 -> RGB uint8 as the scene's film shows it."""
    side = max(picture.shape[:2])
    if scene.blur * side > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), scene.blur * side)
    gains = np.array([1 + 0.05 * scene.warmth, 1.0, 1 - 0.07 * scene.warmth]) * scene.exposure
    if scene.film == "colour":
        picture = cv2.transform(picture, np.diag(gains))
    else:
        grey = scene.exposure * np.array([0.299, 0.587, 0.114])
        tones = np.array([1.07, 0.97, 0.80]) if scene.film == "sepia" else np.ones(3)
        # A scan stretched to the paper's range, whose black is not black.
        plain = cv2.transform(picture, grey[None, :])
        low, high = np.percentile(plain[::4, ::4], (2, 98))
        stretch = 0.80 / max(float(high - low), 0.35)
        picture = cv2.merge([plain * np.float32(stretch * tone) + np.float32((0.07 - stretch * low) * tone) for tone in tones])
    if scene.grain > 0.004:
        shape = picture.shape[:2]
        grain = pixel_noise((shape[0], shape[1]), (scene.background % 499, scene.background % 503), 0.0 if scene.film == "colour" else 0.7)
        picture = picture + np.float32(scene.grain) * grain[..., None]
    # A soft shoulder, so that bright skin does not burn out.
    picture = np.clip(picture, 0, 1.4)
    picture = np.where(picture > 0.82, 0.82 + (picture - 0.82) * 0.45, picture)
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)


def encode(image: npt.NDArray[np.uint8], quality: int) -> bytes:
    """RGB uint8 (h, w, 3) as JPEG bytes."""
    encoded, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        raise ValueError(f"OpenCV could not encode an image of shape {image.shape} as JPEG.")
    return bytes(content)
