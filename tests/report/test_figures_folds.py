"""Box plots over folds and training curves: what lies in their CSV, and that equal input gives equal bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.errors import UserError
from agerepro.report.figures.fold_boxes import draw_fold_boxes, fold_values
from agerepro.report.figures.style import Caption
from agerepro.report.figures.training_curves import StageHistory, draw_training_curves, summary

CAPTION = Caption("vgg16-faces2", "demo", "leave one person out, 12 folds", "demo: synthetic faces")
EARLIER = {
    f"{what} with a long name that must be cut somewhere [{number}]": 2.0 + number for number, what in enumerate(("A", "B", "C", "D"))
}


def border_is_white(path):
    pixels = np.asarray(Image.open(path).convert("L"))
    return (np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()]) == 255).all()


def test_a_fold_counts_once_with_the_mean_of_its_photos_and_seeds(make_run):
    frame = make_run(seeds=2).predictions
    metric, values = fold_values(frame)
    assert metric == "mae" and len(values) == 12
    of_fold = frame[frame["fold"] == 3]
    each = [np.mean(np.abs(part["predicted"] - part["age"])) for _, part in of_fold.groupby("seed")]
    assert values[3] == pytest.approx(np.mean(each))


def test_of_age_groups_the_folds_accuracy_in_percent_is_shown(make_group_run):
    frame = make_group_run().predictions
    metric, values = fold_values(frame)
    right = frame[frame["fold"] == 2]
    assert metric == "accuracy"
    assert values[2] == pytest.approx(100 * (right["group"] == right["predicted_group"]).sum() / 30)


def test_box_plots_hold_folds_means_and_published_numbers(make_run, tmp_path):
    runs = {f"vgg16-imdb-agedb-{i}": make_run(error=2 + i).predictions for i in range(7)}
    published = {"vgg16-imdb-agedb-0": 2.68}
    first, second = (draw_fold_boxes(runs, CAPTION, tmp_path / name, earlier=EARLIER, published=published) for name in ("a", "b"))
    assert [path.name for path in first] == ["fold-boxes.png", "fold-boxes.pdf", "fold-boxes.csv"]
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second))
    assert border_is_white(first[0])
    table = pd.read_csv(first[2])
    assert table["kind"].value_counts().to_dict() == {"fold": 84, "mean": 7, "published": 1, "earlier result": 4}
    frame = runs["vgg16-imdb-agedb-4"]
    own = table[(table["name"] == "vgg16-imdb-agedb-4") & (table["kind"] == "fold")].set_index("fold")["value"]
    for fold, part in frame.groupby("fold"):
        assert own[fold] == pytest.approx((part["predicted"] - part["age"]).abs().mean())
    mean = table[(table["name"] == "vgg16-imdb-agedb-4") & (table["kind"] == "mean")]["value"].item()
    assert mean == pytest.approx(own.mean())


def test_runs_of_different_measures_are_not_drawn_together(make_run, make_group_run, tmp_path):
    runs = {"ages": make_run().predictions, "groups": make_group_run().predictions}
    with pytest.raises(UserError, match="not accuracy, mae"):
        draw_fold_boxes(runs, CAPTION, tmp_path)
    with pytest.raises(UserError, match="not no run"):
        draw_fold_boxes({}, CAPTION, tmp_path)
    with pytest.raises(UserError, match="hold 6 earlier results, not 7"):
        draw_fold_boxes({"a": make_run().predictions}, CAPTION, tmp_path, earlier={str(i): 1.0 for i in range(7)})


def history(losses, *, mae=None, accuracy=None, validation=None):
    epochs = range(1, len(losses) + 1)
    frame = pd.DataFrame({"epoch": epochs, "learning_rate": 0.001, "loss": losses, "validation_loss": validation or np.nan})
    return frame.assign(mae=mae) if mae else frame.assign(accuracy=accuracy)


PEOPLE = StageHistory("people", (history([3.0, 2.0], accuracy=[0.1, 0.25], validation=[3.1, 2.5]),))
FOLDS = StageHistory("fgnet", tuple(history([4.0 + k, 2.0 + k], mae=[10.0 + k, 8.0 + k * k]) for k in range(5)))


def test_of_several_trainings_the_median_and_the_middle_half_are_drawn():
    table = summary(FOLDS).set_index(["measure", "epoch"])
    # mae of epoch 2 is 8, 9, 12, 17, 24: median 12, quartiles 9 and 17.
    assert table.loc[("mae", 2), ["median", "low", "high", "trainings"]].tolist() == [12, 9, 17, 5]
    assert "validation_loss" not in table.index.get_level_values("measure")  # nothing validates there
    people = summary(PEOPLE).set_index(["measure", "epoch"])
    assert people.loc[("accuracy", 2), ["median", "low", "high"]].tolist() == [25, 25, 25]  # percent


def test_training_curves_have_a_row_a_stage(tmp_path):
    first, second = (draw_training_curves([PEOPLE, FOLDS], CAPTION, tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == ["training-curves.png", "training-curves.pdf", "training-curves.csv"]
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second))
    assert border_is_white(first[0])
    table = pd.read_csv(first[2])
    assert table.groupby("stage")["measure"].unique().map(sorted).to_dict() == {
        "people": ["accuracy", "loss", "validation_loss"],
        "fgnet": ["loss", "mae"],
    }


def test_stages_that_were_not_trained_are_left_out(tmp_path):
    untrained = StageHistory("start", (history([], mae=[]),))
    with pytest.raises(UserError, match="no training curves"):
        draw_training_curves([untrained], CAPTION, tmp_path)
