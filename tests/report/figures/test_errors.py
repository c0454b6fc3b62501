"""Figures of errors, folds and training: what lies in their CSV, and that equal input gives equal bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.errors import UserError
from agerepro.report.figures.distributions import plot_confusion
from agerepro.report.figures.errors import (
    fold_values,
    plot_cumulative_score,
    plot_error_by_age,
    plot_fold_boxes,
    plot_predicted_against_true,
)
from agerepro.report.figures.style import Caption, figure, sample_size_text
from agerepro.report.figures.training_curves import StageHistory, plot_training_curves, summary

CAPTION = Caption("vgg16-faces2", "demo", "leave one person out, 12 folds", "demo: synthetic faces")
BANNER_RED = np.array([0xA3, 0x3C, 0x00])


def plot_all(run, caption, folder):
    runs = {"vgg16-faces2": run.predictions}
    return (
        plot_predicted_against_true(run.predictions, caption, folder)
        + plot_cumulative_score(runs, caption, folder)
        + plot_error_by_age(runs, caption, folder)
    )


def test_each_figure_is_a_picture_a_print_and_its_numbers_equal_every_time(make_run, tmp_path):
    first, second = (plot_all(make_run(), CAPTION, tmp_path / name) for name in ("a", "b"))
    names = ["predicted-against-true", "cumulative-score", "error-by-age"]
    assert [path.name for path in first] == [f"{name}.{ending}" for name in names for ending in ("png", "pdf", "csv")]
    for path, again in zip(first, second):
        assert path.read_bytes() == again.read_bytes(), path.name
        assert b"CreationDate" not in path.read_bytes()
    for name in names:
        with Image.open(tmp_path / "a" / f"{name}.png") as picture:
            assert picture.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_banner_is_seen_on_the_picture_only_when_there_is_one(make_run, tmp_path):
    def seen(caption, folder):
        red, frame = [], make_run().predictions
        for path in plot_predicted_against_true(frame, caption, folder) + plot_cumulative_score({"a": frame}, caption, folder):
            if path.suffix == ".png":
                pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
                red.append(int((np.abs(pixels - BANNER_RED).max(axis=2) < 8).sum()))
        return red

    assert min(seen(CAPTION, tmp_path / "demo")) > 2000
    assert max(seen(Caption("r", "paper", "p"), tmp_path / "paper")) == 0


def test_caption_and_banner_are_text_of_the_figure():
    frame = pd.DataFrame({"seed": [0, 0], "photo": ["a.jpg"] * 2, "subject": ["a"] * 2})
    with figure("Title", "Subtitle", CAPTION, frame, height=3) as (drawn, _):
        texts = [text.get_text() for text in drawn.texts]
    assert texts[0] == CAPTION.banner
    under = texts[1].replace("\n", " ")
    assert all(part in under for part in (CAPTION.run, CAPTION.profile, CAPTION.protocol, "1 photo of 1 person"))


def test_nothing_is_cut_off_at_the_edges(make_run, tmp_path):
    """A frame of three pixels stays white, also with many runs, long names and a long banner."""
    long = Caption(
        ", ".join(f"senet50-imdb-{i}" for i in range(7)),
        "demo, paper",
        "leave one person out, 82 folds; the same, 61 of 82 folds",
        "demo: synthetic faces; partial: 61 of 82 folds; not the paper's number in any way",
    )
    run = make_run()
    runs = {f"senet50-imdb-agedb-{i}": run.predictions for i in range(7)}
    paths = plot_cumulative_score(runs, long, tmp_path, guess=run.predictions) + plot_error_by_age(runs, long, tmp_path)
    paths += plot_predicted_against_true(run.predictions, long, tmp_path)
    for path in (path for path in paths if path.suffix == ".png"):
        pixels = np.asarray(Image.open(path).convert("L"))
        border = np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()])
        assert (border == 255).all(), path.name


def test_the_numbers_beside_the_cumulative_score_are_the_shares(make_run, tmp_path):
    run = make_run()
    table = pd.read_csv(plot_cumulative_score({"a": run.predictions}, CAPTION, tmp_path, guess=run.predictions.assign(predicted=30.0))[2])
    errors = np.abs(run.predictions["predicted"] - run.predictions["age"])
    ours = table[table["run"] == "a"].set_index("within_years")["share"]
    for limit in (0.0, 2.5, 5.0, 10.0):
        assert ours[limit] == pytest.approx((errors <= limit).mean())
    assert set(table["run"]) == {"a", "mean-age predictor"}


def test_the_numbers_beside_error_by_age_are_the_bins(make_run, tmp_path):
    run = make_run()
    table = pd.read_csv(plot_error_by_age({"a": run.predictions, "b": run.predictions}, CAPTION, tmp_path)[2])
    first = table[(table["run"] == "a") & (table["first"] == 10)].iloc[0]
    inside = run.predictions[run.predictions["age"].between(10, 19)]
    assert first["photos"] == len(inside)
    assert first["mae"] == pytest.approx(np.abs(inside["predicted"] - inside["age"]).mean())
    assert set(table["run"]) == {"a", "b"}


def test_no_or_too_many_runs_are_refused(make_run, tmp_path):
    frame = make_run().predictions
    for draw in (plot_cumulative_score, plot_error_by_age):
        for runs in ({}, {str(i): frame for i in range(8)}):
            with pytest.raises(UserError, match="holds 1 to 7 runs"):
                draw(runs, CAPTION, tmp_path)


def test_the_sample_size_counts_photos_people_and_seeds(make_run):
    one, two = make_run().predictions, make_run(seeds=2).predictions
    photos = len(one)
    assert sample_size_text(one) == f"{photos} photos of 12 people"
    assert sample_size_text(two) == f"{photos} photos of 12 people, 2 seeds each"
    assert sample_size_text(one, two) == f"{photos} photos of 12 people, up to 2 seeds each"
    assert sample_size_text(one.assign(subject="")) == f"{photos} photos"


def test_the_confusion_matrix_draws_its_counts(make_group_run, tmp_path):
    run = make_group_run()
    first, second = (plot_confusion(run.predictions, run.groups, CAPTION, tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == ["confusion.png", "confusion.pdf", "confusion.csv"]
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second))
    table = pd.read_csv(first[2])
    assert table["photos"].sum() == 150
    cell = table[(table["group"] == "15-20") & (table["predicted_group"] == "25-100")].iloc[0]
    of_group = run.predictions[run.predictions["group"] == "15-20"]
    assert cell["photos"] == (of_group["predicted_group"] == "25-100").sum()
    assert cell["share_of_group"] == pytest.approx((of_group["predicted_group"] == "25-100").mean())
    with Image.open(first[0]) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert (np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()]) == 255).all()


def test_figures_of_ages_refuse_groups_and_the_other_way_round(make_run, make_group_run, tmp_path):
    groups, ages = make_group_run(), make_run()
    with pytest.raises(UserError, match="predicts ages"):
        plot_confusion(ages.predictions, ("0-12", "15-20"), CAPTION, tmp_path)
    with pytest.raises(UserError, match="tells age groups apart"):
        plot_predicted_against_true(groups.predictions, CAPTION, tmp_path)
    for draw in (plot_cumulative_score, plot_error_by_age):
        with pytest.raises(UserError, match="tells age groups apart"):
            draw({"a": groups.predictions}, CAPTION, tmp_path)


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
    first, second = (plot_fold_boxes(runs, CAPTION, tmp_path / name, earlier=EARLIER, published=published) for name in ("a", "b"))
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
        plot_fold_boxes(runs, CAPTION, tmp_path)
    with pytest.raises(UserError, match="not no run"):
        plot_fold_boxes({}, CAPTION, tmp_path)
    with pytest.raises(UserError, match="hold 6 earlier results, not 7"):
        plot_fold_boxes({"a": make_run().predictions}, CAPTION, tmp_path, earlier={str(i): 1.0 for i in range(7)})


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
    first, second = (plot_training_curves([PEOPLE, FOLDS], CAPTION, tmp_path / name) for name in ("a", "b"))
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
        plot_training_curves([untrained], CAPTION, tmp_path)
