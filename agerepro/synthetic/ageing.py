"""What age does to a face: traits and years in, measures of the head, marks of the skin and state of the hair out.

Lengths are in face units: half the width of the face at the cheekbones; the eye line is 0, down is positive.
The measures of growth follow what anthropometry tells in general (a newborn's face is about as wide as high, its eyes sit at
or below the middle of the head, nose and jaw grow longest); the exact curves are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agerepro.synthetic.person import Person


@dataclass(frozen=True)
class FaceParams:
    """A person at one age. Lengths in face units; everything else 0 (none) .. 1 (all there can be), if not said otherwise."""

    age: float  # years
    crown: float  # top of the skull, negative
    cranium: float  # half width of the skull
    chin: float
    jaw: float  # exponent of the lower outline: higher is squarer
    chin_round: float  # exponent: higher is rounder
    jowl: float  # length that hangs at the jaw
    cheek: float  # fullness of the cheek, relief
    hollow: float  # sunken temples and cheeks
    eye_x: float
    eye_half: float  # half the length of the lid opening
    eye_open: float  # half its height
    iris: float  # radius
    eye_tilt: float
    brow_y: float
    brow_weight: float
    brow_arch: float
    nose: float  # height of its base under the eye line
    nose_half: float
    nose_relief: float
    mouth: float
    mouth_half: float
    upper_lip: float
    lower_lip: float
    ear: float  # length
    neck: float  # half width
    shoulders: float  # half width
    baby: float
    grown: float
    puberty: float
    forehead_lines: float
    frown: float
    crow_feet: float
    bags: float
    folds: float  # nasolabial
    marionette: float
    lip_lines: float
    neck_folds: float
    lid_sag: float
    mottling: float
    spots: float
    grey: float
    hairline: float  # height of the middle of the hair line, negative
    recession: float
    thinning: float
    hair_cover: float  # a baby's is thin
    beard: float
    stubble: float


def grown_share(age: float) -> float:
    """How far the skull has grown: 0 at birth, 0.5 at about 6 years, 0.96 at 20; monotone."""
    return float(1 - np.exp(-((age / 8.0) ** 1.25)))


def growth_curve(age: float, start: float, end: float) -> float:
    """A smooth step: 0 up to `start` years, 1 from `end` years on, and monotone between."""
    share = min(max((age - start) / (end - start), 0.0), 1.0)
    return share * share * (3 - 2 * share)


def late_onset_curve(age: float, start: float, end: float, power: float = 1.0) -> float:
    """A rise that goes on: 0 up to `start`, 1 at `end`, in proportion to years ** power, monotone and capped at 1.25."""
    return float(min(max((age - start) / (end - start), 0.0) ** power, 1.25))


def face_params(person: Person, age: float) -> FaceParams:
    """How `person` looks at `age` (years, 0 or more): a smooth function of age, the traits keep their sign all life."""
    g = grown_share(age)
    teens = growth_curve(age, 11, 19)
    male = 1.0 if person.sex == "m" else 0.0
    worn = person.wrinkling
    old = late_onset_curve(age, 40, 95)
    very_old = late_onset_curve(age, 60, 98)
    trait = 0.45 + 0.55 * g  # children differ less than grown-ups
    chin = _mix(1.06, 1.53, g) + trait * (0.075 * person.face_length + 0.03 * person.chin_size) + 0.05 * male * teens
    nose = _mix(0.44, 0.655, g) + trait * (0.028 * person.face_length + 0.045 * person.nose_length) + 0.045 * old
    mouth = nose + (chin - nose) * (0.40 - 0.01 * person.chin_size) + 0.01 * old
    return FaceParams(
        age=age,
        crown=-_mix(1.62, 1.50, g) - 0.05 * person.forehead * trait,
        cranium=_mix(1.13, 1.0, g) + 0.015 * person.forehead,
        chin=chin,
        jaw=_mix(2.4, 1.95, g) + trait * 0.32 * person.jaw_width + 0.40 * male * teens + 0.2 * old,
        chin_round=_mix(2.15, 1.62, g) + trait * 0.14 * person.weight + 0.12 * male * teens,
        jowl=(0.055 + 0.02 * person.weight) * late_onset_curve(age, 35, 85) * worn,
        cheek=_mix(0.17, 0.085, growth_curve(age, 2, 19)) + 0.02 * person.weight + 0.015 * person.cheekbones,
        hollow=0.75 * very_old * (1 - 0.2 * person.weight),
        eye_x=_mix(0.445, 0.43, g) + 0.022 * person.eye_distance,
        eye_half=_mix(0.248, 0.212, g) + 0.011 * person.eye_size,
        eye_open=_mix(0.130, 0.094, g) + 0.009 * person.eye_size - 0.012 * male * teens - 0.022 * old,
        iris=_mix(0.124, 0.092, g) + 0.002 * person.eye_size,
        eye_tilt=0.05 * person.eye_tilt - 0.09 * old * worn,
        brow_y=-_mix(0.29, 0.285, g) - 0.03 * person.brow_height + 0.045 * male * teens + 0.02 * old,
        brow_weight=(_mix(0.35, 0.75, growth_curve(age, 0, 16)) + 0.35 * male * teens + 0.22 * person.brow_weight) * (1 - 0.3 * very_old),
        brow_arch=0.05 + 0.016 * person.brow_arch - 0.02 * male,
        nose=nose,
        nose_half=_mix(0.155, 0.188, g) + trait * 0.028 * person.nose_width + 0.012 * male * teens + 0.022 * old,
        nose_relief=_mix(0.19, 0.43, g) + trait * 0.05 * person.nose_relief + 0.03 * old,
        mouth=mouth,
        mouth_half=_mix(0.27, 0.365, g) + trait * 0.035 * person.mouth_width + 0.012 * old,
        upper_lip=max(0.022, (_mix(0.062, 0.075, teens) + 0.02 * person.lip_fullness - 0.012 * male * teens) * (1 - 0.62 * old)),
        lower_lip=max(0.03, (_mix(0.082, 0.105, teens) + 0.024 * person.lip_fullness - 0.012 * male * teens) * (1 - 0.5 * old)),
        ear=_mix(0.50, 0.62, g) + 0.035 * person.ear_size + 0.12 * late_onset_curve(age, 30, 90),
        neck=_mix(0.47, 0.56, g) + 0.13 * male * teens + 0.03 * person.weight,
        shoulders=_mix(1.25, 1.85, growth_curve(age, 1, 18)) + 0.25 * male * teens + 0.05 * person.weight,
        baby=1 - growth_curve(age, 0, 4),
        grown=g,
        puberty=teens,
        forehead_lines=worn * late_onset_curve(age, 27, 80),
        frown=worn * late_onset_curve(age, 30, 80) * (0.75 + 0.25 * male),
        crow_feet=worn * late_onset_curve(age, 28, 76),
        bags=worn * late_onset_curve(age, 23, 80, 0.95),
        folds=worn * (0.06 * teens + 0.94 * late_onset_curve(age, 20, 78, 0.9)),
        marionette=worn * late_onset_curve(age, 42, 84),
        lip_lines=worn * late_onset_curve(age, 54, 88),
        neck_folds=worn * late_onset_curve(age, 42, 85),
        lid_sag=worn * late_onset_curve(age, 38, 88),
        mottling=0.12 + 0.88 * late_onset_curve(age, 22, 90),
        spots=person.spots * late_onset_curve(age, 50, 85) * (1 - 0.6 * person.skin_depth),
        grey=float(1 / (1 + np.exp(-(age - person.greying_age) / 5.2))),
        hairline=-_mix(0.93, 0.86, growth_curve(age, 0, 8)) - 0.05 * person.forehead - 0.05 * growth_curve(age, 30, 75),
        recession=person.balding * late_onset_curve(age, 23, 66) if male else 0.1 * very_old,
        thinning=(0.25 + 0.55 * person.balding) * late_onset_curve(age, 32, 88),
        hair_cover=_mix(0.22, 1.0, growth_curve(age, 0, 2.6)),
        beard=person.beard * growth_curve(age, 17, 26),
        stubble=male * growth_curve(age, 14, 24) * (1 - 0.5 * person.skin_depth),
    )


def _mix(young: float, adult: float, share: float) -> float:
    return young + (adult - young) * share
