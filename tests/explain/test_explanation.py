"""Before and after tuning: which runs are a pair, what changed, and what the sentences say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agerepro.config.divisions import LeaveOneSubjectOut
from agerepro.config.learning import Adam, Identity, Regression
from agerepro.config.schema import Backbone, Experiment, Faces, Stage
from agerepro.explain.explanation import (
    Explained,
    before_after,
    conclusions,
    empty_maps_note,
    explanation_text,
    paired_conclusions,
    pairs,
    tuned,
)
from agerepro.explain.regions import REGIONS, SIDE, face_regions, region_summary, region_table
from agerepro.runs.layout import Run

LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])
PEOPLE = Stage(name="people", data="vggface2", epochs=1, batch_size=8, optimizer=Adam(learning_rate=0.01), target=Identity())
LAST = Stage(name="fgnet", data="fgnet", epochs=1, batch_size=8, optimizer=Adam(learning_rate=0.01), protocol=LeaveOneSubjectOut())
AFTER = Experiment(faces=Faces(), backbone=Backbone(name="vgg16"), stages=(PEOPLE, LAST))
BEFORE = replace(AFTER, stages=(PEOPLE, replace(LAST, train="head")))


def explained(name: str, experiment: Experiment, maps: np.ndarray) -> Explained:
    photos = pd.DataFrame({"photo": [f"p{n}" for n in range(12)], "subject": [f"s{n % 10}" for n in range(12)], "age": 30.0})
    regions = region_table(photos, maps, np.repeat(LANDMARKS[None], 12, axis=0))
    about = {"how": "mean", "target": "expected_age", "layer": "last", "photos": 12, "photos_with_regions": 12, "folds": 6}
    about |= {"folds_in_all": 6, "places": "{} x {}".format(*maps.shape[1:])}
    summary = region_summary(regions, pd.Series("20-39", index=photos["photo"]))
    run = Run(Path("runs/koenig2019") / name / "demo-0")
    return Explained(run, experiment, Path("x"), None, photos, maps, regions, summary, None, None, about)  # type: ignore[arg-type]


def towards(region: str, strength: float) -> np.ndarray:
    """Maps that are `strength` times as strong on a region, with a little noise, so that intervals have a width."""
    there = face_regions(LANDMARKS * SIDE, SIDE) == REGIONS.index(region)
    noise = np.random.default_rng(3).normal(0, 0.02, (12, 1, 1))
    return 1 + (strength - 1 + noise) * there


def test_a_backbone_is_tuned_only_where_all_layers_learnt_ages() -> None:
    assert tuned(AFTER) == "after" and tuned(BEFORE) == "before"
    earlier = replace(LAST, name="imdb", data="imdb", protocol=None)
    assert tuned(replace(BEFORE, stages=(PEOPLE, earlier, replace(LAST, train="head")))) == "after"
    assert tuned(replace(AFTER, stages=(PEOPLE, replace(LAST, epochs=0)))) == "before"


def test_runs_with_another_kind_of_head_are_no_pair() -> None:
    runs = [explained("after", AFTER, towards("eyes", 3.0)), explained("ridge", replace(BEFORE, head=Regression()), towards("hair", 2.0))]
    assert pairs(runs) == [] and before_after(runs).empty
    runs[1] = explained("before", BEFORE, towards("hair", 2.0))
    assert [(one.run.experiment, other.run.experiment) for one, other in pairs(runs)] == [("before", "after")]


def test_a_move_to_the_eyes_is_measured_on_the_same_photos_and_said() -> None:
    runs = [explained("after", AFTER, towards("eyes", 3.0)), explained("before", BEFORE, towards("hair", 2.0))]
    pairs = before_after(runs)
    assert set(pairs["before"]) == {"before"} and set(pairs["after"]) == {"after"}
    eyes = pairs.set_index("region").loc["eyes"]
    assert eyes["difference"] == pytest.approx(eyes["relative_after"] - eyes["relative_before"])
    assert eyes["low"] > 0 and (eyes["photos"], eyes["people"]) == (12, 10)
    assert "tuning to age moves the maps to eyes and nose" in paired_conclusions(pairs)[0]
    assert "the maps centre on them." in conclusions(runs[0])
    assert "the maps lean away from them; most a pixel lies on the hair" in conclusions(runs[1])
    text = explanation_text(runs, pairs)
    assert "eyes and nose" in text and "VGG-16: before -> after" in text and "cannot tell" not in text


def test_runs_of_other_networks_or_the_same_stage_are_no_pair() -> None:
    before, after = explained("a", BEFORE, towards("eyes", 2.0)), explained("b", AFTER, towards("eyes", 2.0))
    other = replace(after, experiment=replace(AFTER, backbone=Backbone(name="resnet50")))
    assert before_after([before, other]).empty and before_after([after, after]).empty and len(before_after([before, after])) == 8


def test_empty_maps_are_counted_and_named_as_the_reason() -> None:
    maps = towards("eyes", 3.0)
    maps[:5] = 0
    run = explained("opposed", AFTER, maps)
    assert "5 of 12 maps are empty" in empty_maps_note(run) and empty_maps_note(run) in explanation_text([run], before_after([run]))
    assert empty_maps_note(explained("full", AFTER, towards("eyes", 3.0))) == ""
    silent = explained("opposed", AFTER, maps * 0)
    assert "12 of 12 maps are empty" in empty_maps_note(silent) and "empty" in conclusions(silent)


def test_coarse_maps_are_said_to_be_coarse() -> None:
    coarse = explained("coarse", AFTER, np.ones((12, 2, 2)))
    assert "2 x 2 places" in explanation_text([coarse], before_after([coarse]))
